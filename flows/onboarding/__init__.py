"""From one flat file to a working portfolio folder, and what is wrong with a folder."""
