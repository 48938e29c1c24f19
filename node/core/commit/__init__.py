"""From state to leaves, trees and roots at a seal, and back from leaves to state at start."""
