# For scripts that need a hub to talk to: `. scripts/demo.sh`, then `start_demo PROGRAM FOLDER` starts the demo shop with its
# sandbox on free ports and ends it with the script; `said WORDS` gives what it printed behind these words.

demo_folder=
children=()

stop_children() {
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null && wait "$child" 2>/dev/null || true
    done
}

start_demo() {
    trap stop_children EXIT
    demo_folder=$(mktemp -d "$2/demo.XXXXXX")
    "$1" demo --fast --sales 40 --listen 127.0.0.1:0 --data "$demo_folder/data" >"$demo_folder/said" 2>"$demo_folder/progress" &
    children+=($!)
    until grep -q '^Ctrl-C' "$demo_folder/said"; do
        kill -0 "${children[0]}" 2>/dev/null || { cat "$demo_folder/said" "$demo_folder/progress"; exit 1; }
        sleep 0.2
    done
}

said() { grep -o "$1 *[^ ]*" "$demo_folder/said" | head -n 1 | grep -o '[^ ]*$'; }
