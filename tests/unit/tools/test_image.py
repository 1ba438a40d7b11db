"""What of the container image can be judged without building it; `make image-test` judges the rest."""

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from devtools import sbom
from devtools.image import archive
from ringback.stack.services import ROOT
from runtime import uploads
from services.voicemail.activities import conversion, g711

CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: ringback-ffmpeg
Status: install ok installed
Architecture: amd64
Source: ffmpeg (7:5.1-1)
Version: 7:5.1-1+b1
Description: reads recordings
 and more
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with all that an image is made of."""
    for name in (*archive.FILES, *(f"{package}/__init__.py" for package in archive.MADE_OF)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    return tmp_path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """An archive of two layers, the lower with Debian's list of packages."""
    file = tmp_path / "image.tar"
    layers = {
        "a.tar": packed({archive.STATUS: STATUS.encode(), "etc/issue": b"12"}),
        "b.tar": packed({"app/x": b"123", "etc/issue": b"1234"}),
    }
    history = [
        {"created_by": "COPY / /"},
        {"created_by": "ENV", "empty_layer": True},
        {"created_by": "COPY app"},
    ]
    texts = {
        "config.json": json.dumps({"history": history, "config": {"User": "1"}}).encode(),
        "manifest.json": json.dumps([{"Config": "config.json", "Layers": list(layers)}]).encode(),
    }
    file.write_bytes(packed(texts | layers))
    return file


def packed(files: dict[str, bytes]) -> bytes:
    """A tar of these files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


@pytest.mark.parametrize("name", [*archive.FILES, *(f"{package}/__init__.py" for package in archive.MADE_OF)])
def test_an_image_is_built_anew_when_something_in_it_has_changed(tree: Path, name: str) -> None:
    before = archive.key_of("debian", tree)
    (tree / name).write_text("another", encoding="utf-8")
    assert archive.key_of("debian", tree) != before
    assert archive.key_of("other", tree) != archive.key_of("debian", tree)


def test_what_python_compiles_does_not_make_another_image(tree: Path) -> None:
    before = archive.key_of("debian", tree)
    (tree / "runtime" / "__pycache__").mkdir()
    (tree / "runtime" / "__pycache__" / "x.pyc").write_bytes(b"")
    assert archive.key_of("debian", tree) == before


def test_the_key_and_the_context_have_all_that_the_containerfile_copies() -> None:
    """A folder that is copied and not hashed would leave an old image in use."""
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", CONTAINERFILE, re.MULTILINE))
    sent = set(re.findall(r"^!(\S+)", (ROOT / ".containerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert copied == sent
    assert copied <= {*archive.MADE_OF, *archive.FILES}
    assert (ROOT / ".dockerignore").read_bytes() == (ROOT / ".containerignore").read_bytes()


def test_the_images_ffmpeg_has_every_format_that_the_services_force() -> None:
    (told,) = re.findall(r"--enable-demuxer=(\S+)", CONTAINERFILE)
    enabled = {name.removeprefix("pcm_") for name in told.split(",")}
    samples = {"wav": b"RIFF\0\0\0\0WAVE", "ogg": b"OggS", "flac": b"fLaC", "mp3": b"ID3"}
    forced = {kind.value for kind in uploads.Container} | {law.value for law in g711.Law}
    forced |= {conversion.detect_source(head).format for name, head in samples.items() if name != "wav"}
    assert forced | {"s16le"} <= enabled


def test_an_archive_tells_its_layers_and_its_files(saved: Path) -> None:
    assert archive.layers(saved) == [
        archive.Layer("COPY / /", len(STATUS) + 2),
        archive.Layer("COPY app", 7),
    ]
    assert {path: file.size for path, file in archive.files(saved).items()} == {
        archive.STATUS: len(STATUS),
        "etc/issue": 4,
        "app/x": 3,
    }
    assert archive.config(saved)["config"] == {"User": "1"}


def test_the_bill_of_an_image_has_its_installed_packages_and_their_sources(saved: Path) -> None:
    listed = json.loads(sbom.validated(sbom.bill(debian=archive.packages(saved))))["components"]
    purls = {each["name"]: each["purl"] for each in listed}
    assert purls["libc6"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc%402.36-9"
    assert "upstream=ffmpeg%407:5.1-1" in purls["ringback-ffmpeg"]
    assert "gone" not in purls
    assert "msgspec" in purls
    # espeak-ng of this machine is not in that image.
    assert "espeak-ng" not in purls
