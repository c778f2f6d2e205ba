"""What trains the stand-in weights on the sandbox: `python -m tools.train_standins.train FOLDER [KEY…]`."""
