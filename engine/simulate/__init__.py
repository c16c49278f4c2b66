"""Campaign days in virtual time, with the pacer that runs live. See docs/pacing.md."""
