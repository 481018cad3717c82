"""A stranger's Vindi and eNotas, written from their papers alone, and the product beside them.

Nothing here imports `services.sandbox` or another test's stand-in: what one of them has misread
must not be misread twice. The product is driven by what it promises outsiders, and no further:
settings, processes, addresses.
"""
