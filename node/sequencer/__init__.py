"""THE WRITER: takes inputs in order, stamps, applies, journals, and only then releases; seals batches; recovers.

The way of one input: inbox → stamp → machine (core apply) → journal → release → seal. Start reading at `sequencer`.
"""
