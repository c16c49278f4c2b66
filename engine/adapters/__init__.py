"""Where the outside begins: AMI, the database. Vendor words end here."""
