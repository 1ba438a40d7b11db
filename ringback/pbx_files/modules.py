"""modules.conf's part: what the gateway, the phones and the dialplan need; nothing of it listens elsewhere.

For an Asterisk that does nothing else. One with other duties loads all of its modules by itself
(`autoload = yes`), these among them.
"""

from typing import Final

MODULES: Final = (
    # What others stand on.
    "res_crypto",
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_http_websocket",
    "res_websocket_client",
    "pbx_config",
    # SIP.
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_acl",
    "res_pjsip_authenticator_digest",
    "res_pjsip_caller_id",
    "res_pjsip_dtmf_info",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_header_funcs",
    "res_pjsip_nat",
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_outbound_registration",
    "res_pjsip_pubsub",
    "res_pjsip_registrar",
    "res_pjsip_rfc3326",
    "res_pjsip_sdp_rtp",
    "res_pjsip_session",
    "res_rtp_asterisk",
    "chan_pjsip",
    # Sound.
    "bridge_builtin_features",
    "bridge_holding",
    "bridge_native_rtp",
    "bridge_simple",
    "bridge_softmix",
    "chan_bridge_media",
    "codec_a_mu",
    "codec_alaw",
    "codec_resample",
    "codec_ulaw",
    "format_pcm",
    "format_sln",
    "format_wav",
    "func_curl",
    "res_curl",
    "res_http_media_cache",
    "res_musiconhold",
    # The dialplan.
    "app_dial",
    "app_stasis",
    "func_callerid",
    "func_channel",
    "func_dialplan",
    "func_pjsip_aor",
    "func_pjsip_contact",
    "func_pjsip_endpoint",
    "func_strings",
    # ARI.
    "res_ari",
    "res_ari_applications",
    "res_ari_asterisk",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_device_states",
    "res_ari_endpoints",
    "res_ari_events",
    "res_ari_model",
    "res_ari_playbacks",
    "res_ari_recordings",
    "res_ari_sounds",
    "res_stasis",
    "res_stasis_answer",
    "res_stasis_device_state",
    "res_stasis_playback",
    "res_stasis_recording",
    "res_stasis_snoop",
)
"""In an order that a reader finds them in: Asterisk sorts them by what needs what."""


def modules_conf() -> str:
    """Render what modules.conf includes."""
    return "; What Ringback needs. Written by a program: changes get lost.\n" + "".join(
        f"load = {each}.so\n" for each in MODULES
    )
