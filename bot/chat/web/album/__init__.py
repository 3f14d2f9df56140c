"""My pictures: all that a browser's person has had painted on the page, from whichever tab."""
