"""The dictionary that comes with the package, where one does.

In: nothing. Out: the `Dictionary` in the folder `weights` beside this file. That folder has a licence of its own (CC
BY-NC-SA 4.0, as BirdNET's weights, which it was trained on) and a model card; without the folder, atoms are not told.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.perception.atoms.store import CONFIG, Dictionary

FOLDER = Path(__file__).with_name("weights")


def shipped_dictionary() -> Dictionary | None:
    """The dictionary for BirdNET's maps, or None where the package has none.

    Raises:
        DictionaryError: it is damaged.
    """
    return Dictionary.load(FOLDER) if (FOLDER / CONFIG).is_file() else None
