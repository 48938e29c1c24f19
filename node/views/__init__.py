"""Read models: what people ask a venue, built from the released events of applied inputs, in order.

Invariants:
- A view changes through `Views.apply` alone, one released input after the other; rebuilt by replay it is equal.
- What is on disk names the last input it contains, in the same write: applying an input twice changes nothing.
- Nothing here is authority: the state is. A view that is lost or behind is rebuilt, never repaired.
"""
