"""The book over HTTP: routes by what they are about, each asking the table of rights first."""
