"""A town of real SIP phones at real PBXs, and the people who use them as a script says.

One Asterisk of its own (`exchange`) is all phones, which register with the PBXs under test, and the public
network, which is their trunk. `calls` are its channels; the sound of each goes to `sound`, which sends and
hears RTP; `recognition` knows prompts and tones in what is heard; `person` does a script's steps; `town`
joins them. The script is that of the simulated network (services/gateway/simulated/script.py), so that the
same morning happens on either.

What differs from the simulation, because the phones are real: a PBX does not vanish by itself (`absences`,
and the unreliable network, belong to whoever runs the PBX); a person can wait for a recording only if its
tone is heard; a phone that is dead still says «100 Trying», which ARI does not tell; `dialled` and `missed`
count calls that reached a phone, under the phone's own address also if another PBX dialled it.
"""

from devtools.town.exchange import Around, Exchange, PbxAccess
from devtools.town.sounds import Sounds
from devtools.town.town import HeardCall, Town


def main(argv: list[str]) -> int:
    """Run a town as a process of its own."""
    from devtools.town.run import main as run  # tests need no S3

    return run(argv)


__all__ = ["Around", "Exchange", "HeardCall", "PbxAccess", "Sounds", "Town"]
