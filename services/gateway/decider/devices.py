"""What registered phones become: each change is a fact, and a phone that flaps says only its newest state."""

from contracts.gateway import DeviceChanged, DeviceState
from contracts.ids import Address
from services.gateway import port, rules
from services.gateway.decider.gateway_state import GatewayState
from services.gateway.state import SeenDevice


def device_seen(state: GatewayState, now: int, event: port.DeviceSeen) -> None:
    """A phone changed its state; a known state is not said again."""
    device = state.seen_devices.setdefault(event.address, SeenDevice(state=event.state))
    device.state = event.state
    if state.devices.get(event.address) is event.state:
        state.timers.drop("device", event.address)
    elif not device.changes.take(now, burst=rules.DEVICE_CHANGES_BURST, per_s=1_000 / rules.DEVICE_CHANGE_MS):
        state.count("change_of_a_flapping_device")
        state.timers.set("device", event.address, now + rules.DEVICE_CHANGE_MS)
    else:
        say_device(state, event.address, event.state)


def say_newest(state: GatewayState, address: Address) -> None:
    """Say what a flapping phone has become meanwhile, if that is news."""
    newest = state.seen_devices[address].state
    if state.devices.get(address) is not newest:
        say_device(state, address, newest)


def say_device(state: GatewayState, address: Address, device_state: DeviceState) -> None:
    """Say a phone's state."""
    state.timers.drop("device", address)
    state.devices[address] = device_state
    state.say(DeviceChanged(pbx_id=state.pbx_id, address=address, state=device_state))
