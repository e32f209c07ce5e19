"""The picker, `hx search -i`: state and view are pure functions, the terminal loop calls them."""
