"""The picker: `hx search -i`. State and view are pure; a loop holds them to the terminal."""
