"""What does not fit into one NOTIFY of a phone → the first of several."""

from dfks_rules.csta.render import render
from dfks_rules.model.features import POSITION
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.profile import Profile


def first_part(documents: Documents, device: str, profile: Profile) -> tuple[Documents, Documents]:
    """What the next NOTIFY tells, and what is left for those after it.

    A single feature is never split, however long it is.

    Args:
        documents: what is to be told; in any order, and the first part in that of `FEATURES`.
        device: text of `<device>`.
        profile: what the phone takes.
    """
    ordered = tuple(sorted(documents, key=lambda document: POSITION[document[0]]))
    end = len(ordered) if profile.multipart else 1
    if profile.max_body is not None:
        while end > 1 and len(render(ordered[:end], device, profile.style)[1]) > profile.max_body:
            end -= 1
    return ordered[:end], ordered[end:]
