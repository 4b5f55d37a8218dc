"""The selves that ship with the app, and the command that trains them: `python -m training.shipped`."""
