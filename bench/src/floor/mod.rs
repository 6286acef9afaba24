//! What the hub is measured against: programs that do the same to the wire or to the disk, and nothing else.

pub mod bare_loop;
pub mod echo;
pub mod forward;
pub mod multi_row;
pub mod pgbench;
pub mod sink;
