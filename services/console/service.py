"""The table of contents: what the console is made of. It has no part in the log."""

from typing import Final
from urllib.parse import urlsplit

from runtime.web_process import WebPorts, WebService, WebWork
from services.console.activities.api_client import ApiClient
from services.console.activities.audio_storage import AudioStorage
from services.console.activities.callbacks import Callbacks
from services.console.activities.contacts import Contacts
from services.console.activities.directory import Directory
from services.console.activities.history import History
from services.console.activities.inputs import Inputs
from services.console.activities.own_page import OwnPage
from services.console.activities.recordings import Recordings
from services.console.activities.screens import Screens
from services.console.activities.sealing import Seal, form_key
from services.console.activities.sessions import Sessions, missing_rights
from services.console.activities.static_files import StaticFiles
from services.console.activities.statistics import Figures
from services.console.activities.turns import Turns
from services.console.activities.voice_messages import VoiceMessages
from services.console.api import app as api
from services.console.api.cookies import Cookies
from services.console.api.pages import Pages
from services.console.api.requests import Console
from services.console.settings import Settings


def build(ports: WebPorts, settings: Settings) -> WebWork:
    """The service of these settings. Raises ValueError, in words for the operator, when one can't be used."""
    settings.refuse_plaintext()
    directory = ApiClient(
        "directory",
        settings.directory_api,
        ca=settings.directory_api_ca,
        console_key=settings.signing_key(),
        clock=ports.clock,
    )
    history = ApiClient("history", settings.history_api, ca=settings.history_api_ca, clock=ports.clock)
    storage = AudioStorage(
        endpoint=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        ca=settings.s3_ca,
    )
    return put_together(ports, settings, directory, history, storage)


def put_together(
    ports: WebPorts, settings: Settings, directory: ApiClient, history: ApiClient, storage: AudioStorage
) -> WebWork:
    """The parts over these clients of the APIs and of S3. Raises ValueError."""
    origin, keys, clock = settings.origin(), settings.sealing_keys(), ports.clock
    static = StaticFiles()
    cookies = Cookies(is_secure=urlsplit(origin).scheme == "https")
    known, inputs = Directory(directory), Inputs(keys, clock)
    console = Console(
        origin=origin,
        directory=known,
        contacts=Contacts(history, directory),
        callbacks=Callbacks(history, directory),
        voice_messages=VoiceMessages(history),
        turns=Turns(),
        recordings=Recordings(history, storage),
        listening=Turns(),
        history=History(history),
        figures=Figures(history),
        own=OwnPage(history, directory),
        sessions=Sessions(ports.redis, keys, known, clock, prefix=settings.store_prefix),
        inputs=inputs,
        screens=Screens(directory, ports.redis, keys, clock, prefix=settings.store_prefix),
        pages=Pages(cookies, static, inputs, form_key(keys), clock),
        cookies=cookies,
        progress_seal=Seal(keys, "sign-in"),
        device_seal=Seal(keys, "devices"),
        screen_seal=Seal(keys, "screens"),
        form_key=form_key(keys),
        clock=clock,
    )
    app = api.build(console, static)
    return WebWork(app=api.guarded(app), on_stop=(directory.aclose, history.aclose, storage.aclose))


SERVICE: Final = WebService(name="console", build=build, store_rights=missing_rights)
