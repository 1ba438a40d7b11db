"""Letters as programs of another make see them: perl's MIME::Parser, and SpamAssassin."""

import hashlib
import re
import subprocess
from pathlib import Path
from typing import Final

import msgspec

# What MIME::Parser makes of a letter: the headers decoded, and each part with its name and what is in it.
READING: Final = r"""
use strict; use warnings; use JSON::PP; use MIME::Parser; use MIME::WordDecoder; use Encode; use Digest::SHA;
my ($file, $folder) = @ARGV;
my $parser = MIME::Parser->new; $parser->output_under($folder); $parser->decode_headers(0);
my $entity = $parser->parse_open($file);
my %headers;
for my $name ($entity->head->tags) {
    my @values = map { decode('MIME-Header', $_) } $entity->head->get_all($name);
    push @{$headers{$name}}, map { s/\s+$//r } @values;
}
my @parts;
for my $part (grep { !$_->is_multipart } $entity->parts_DFS) {
    my $data = $part->bodyhandle->as_string;
    my $named = $part->head->mime_attr('content-type.name');
    push @parts, { type => $part->mime_type, bytes => length $data, sha256 => Digest::SHA::sha256_hex($data),
        name => $part->head->recommended_filename, old_name => $named && decode('MIME-Header', $named),
        text => $part->mime_type =~ /^text/ ? decode('UTF-8', $data) : undef };
}
print encode_json({ headers => \%headers, parts => \@parts });
"""
SCORE: Final = re.compile(r"(?ms)^X-Spam-Status: \w+, score=(-?[0-9.]+) .*?tests=(.*?)\sautolearn")


class Part(msgspec.Struct):
    """One part that is no container; `old_name` is that of programs that know no RFC 2231."""

    type: str
    bytes: int
    sha256: str
    name: str | None = None
    old_name: str | None = None
    text: str | None = None


class Read(msgspec.Struct):
    """A letter as perl has read it."""

    headers: dict[str, list[str]]
    parts: list[Part]

    def one(self, name: str) -> str:
        """A header that is there once."""
        [value] = self.headers[name]
        return value


def read(file: Path, folder: Path) -> Read:
    """Have perl read a letter."""
    argv = ["perl", "-e", READING, str(file), str(folder)]
    said = subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout
    return msgspec.json.decode(said, type=Read)


def scored(files: list[Path], folder: Path) -> list[tuple[float, str]]:
    """SpamAssassin's score of each letter, without asking any network, and the tests that made it."""
    mailbox = folder / "mailbox"
    with mailbox.open("wb") as box:
        for file in files:
            letter = re.sub(rb"(?m)^(>*From )", rb">\1", file.read_bytes())
            box.write(b"From ringback@volga.example Sat Nov 28 12:00:00 2026\n" + letter + b"\n")
    argv = ["spamassassin", "--local", "--nocreate-prefs", "--mbox", str(mailbox)]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    said = subprocess.run(argv, env=env, capture_output=True, check=True, timeout=300).stdout
    found = SCORE.findall(said.decode(errors="replace"))
    return [(float(score), re.sub(r"\s+", "", tests)) for score, tests in found]


def sha256(content: bytes) -> str:
    """As perl prints it."""
    return hashlib.sha256(content).hexdigest()
