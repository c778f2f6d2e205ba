"""What people send: prediction files in any form, and the checks of a submission."""
