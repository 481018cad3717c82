"""Known vulnerabilities of what we depend on: asked for online, held against the lock offline."""
