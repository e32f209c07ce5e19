"""What starts `hx sync --background`: systemd, launchd, cron, or the hook of a shell."""
