"""KZG commitments of blob data (EIP-4844), by the reference implementation.

`trusted_setup.txt.gz` is the public result of Ethereum's KZG ceremony, which every node of Ethereum ships; `commitments` pins its digest.
"""
