"""Keys of audio that are not an organization's own, in every form that somebody may try."""

from contracts import audio_keys
from contracts.ids import OrganizationId

DIGEST = 64 * "a"


def foreign_uploads(own: str, other: str) -> list[str]:
    """Keys that are no upload of `own`."""
    theirs = audio_keys.upload_key(other, DIGEST)
    return [
        theirs,
        f"/{audio_keys.upload_key(own, DIGEST)}",
        f"uploads/{own}/../{other}/{DIGEST}",
        f"uploads/{own}/..%2f{other}%2f{DIGEST}",
        f"uploads%2F{own}%2F{DIGEST}",
        f"uploads/{own}//{DIGEST}",
        f"uploads/{own}/./{DIGEST}",
        f"uploads/{own}x/{DIGEST}",
        f"uploads/{own.upper()}/{DIGEST}",
        f"uploads/{own}/{DIGEST}\n",
        f"uploads/{own}/{DIGEST}.wav",
        f"uploads/{own}/{DIGEST[1:]}",
        f"uploads/{own}/{DIGEST.upper()}",
        f"https://s3.example/{theirs}",
        f"uploads/{own}/{DIGEST}/../../{other}/{DIGEST}",
        audio_keys.recording_key(other, DIGEST),
        audio_keys.recording_key(own, DIGEST),
        "speech/x.wav",
        "",
    ]


def foreign_recordings(own: str, other: str) -> list[str]:
    """Keys that are no recording of `own`."""
    mine, theirs = (audio_keys.folder_of(OrganizationId(each)) for each in (own, other))
    return [
        audio_keys.recording_key(other, DIGEST),
        audio_keys.message_key(OrganizationId(other), DIGEST, "mp3"),
        f"/{own}/recordings/{DIGEST}.wav",
        f"{own}/recordings/../../{other}/recordings/{DIGEST}.wav",
        f"{own}/recordings/..",
        f"{own}/recordings/..%2f..%2f{other}%2frecordings%2f{DIGEST}.wav",
        f"{own}%2Frecordings%2F{DIGEST}.wav",
        f"{own}/recordings//{DIGEST}.wav",
        f"{own}/recordings/{DIGEST}.wav\n",
        f"voice-messages/{mine}/../{theirs}/{DIGEST}.mp3",
        f"voice-messages/{mine[:-1]}/{DIGEST}.mp3",
        f"s3://bucket/{own}/recordings/{DIGEST}.wav",
        audio_keys.upload_key(own, DIGEST),
        audio_keys.upload_key(other, DIGEST),
        "letters/x.json",
        "snapshots/queue/0",
        "",
    ]
