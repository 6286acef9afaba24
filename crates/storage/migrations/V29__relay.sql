-- Payments on terminals: for which terminal an operation is, and what the terminal told for the receipt. What has no end yet is
-- looked for by the hub at which the terminal hangs.

ALTER TABLE operation ADD COLUMN terminal_id TEXT;
ALTER TABLE operation ADD COLUMN slip TEXT;

-- How a terminal is, as the hub at which it hangs told last.
ALTER TABLE terminal ADD COLUMN live TEXT;

CREATE INDEX operation_at_terminal ON operation (recorded_at)
    WHERE terminal_id IS NOT NULL AND state IN ('recorded', 'sent', 'unknown', 'not_found', 'pending');
