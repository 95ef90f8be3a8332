"""Trust: the cellar — accounts, audit, encryption, outbox, jobs; it knows no child."""
