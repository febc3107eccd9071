"""The compose file of an installation in containers: broker, PostgreSQL, bridge and console, on this machine's network.

The installation's folder has the same path inside and outside, so that every path in it is valid; each service sees
only what it needs. Bridge and console listen on the loopback interface, as without containers; so does the store.
`prepare` creates or migrates the store before the bridge starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

COMPOSE: Final = "compose.yaml"
BROKER_IMAGE: Final = "docker.io/library/eclipse-mosquitto:2.0"
STORE_IMAGE: Final = "docker.io/library/postgres:17"
BRIDGE_IMAGE: Final = "badgeclock-bridge"
"""Built by `Containerfile`."""
PASSWORD: Final = "store.password"  # noqa: S105 - the file's name
PASSFILE: Final = "pgpass"
DATABASE: Final = "badgeclock"

_CONFINED: Final = """\
    restart: unless-stopped
    network_mode: host
    user: "{user}:{group}"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    tmpfs: [/tmp]
"""


def store_url(port: int) -> str:
    """The store's URL for the bridge; the password is in the file named in PGPASSFILE."""
    return f"postgresql+psycopg://{DATABASE}@127.0.0.1:{port}/{DATABASE}"


def passfile(port: int, password: str) -> str:
    """The text of that file."""
    return f"127.0.0.1:{port}:{DATABASE}:{DATABASE}:{password}\n"


def text(folder: Path, store_port: int, user: int, group: int) -> str:
    """The compose file of the installation in a folder; the containers run as this user and group."""
    confined = _CONFINED.format(user=user, group=group)
    config = folder / "bridge.toml"
    # The bridge's folder is read-only; it has only keys and certificates.
    badgeclock = f"""\
    image: {BRIDGE_IMAGE}
    environment: {{PGPASSFILE: "{folder}/bridge/{PASSFILE}"}}
    working_dir: "{folder}/state"
    volumes:
      - "{config}:{config}:ro"
      - "{folder}/bridge:{folder}/bridge:ro"
      - "{folder}/state:{folder}/state"
"""
    return f"""\
# Made by `badgeclock site init`. The image {BRIDGE_IMAGE}: Containerfile says how it is built.
name: badgeclock
services:
  broker:
    image: {BROKER_IMAGE}
    command: ["mosquitto", "-c", "{folder}/broker/mosquitto.conf"]
    volumes: ["{folder}/broker:{folder}/broker"]
    ulimits: {{nofile: 16384}}
{confined}\
  store:
    image: {STORE_IMAGE}
    restart: unless-stopped
    environment:
      POSTGRES_USER: {DATABASE}
      POSTGRES_DB: {DATABASE}
      POSTGRES_PASSWORD_FILE: /run/secrets/store_password
      POSTGRES_INITDB_ARGS: "--encoding=UTF8"
    secrets: [store_password]
    ports: ["127.0.0.1:{store_port}:5432"]
    volumes: ["store:/var/lib/postgresql/data"]
    security_opt: ["no-new-privileges:true"]
    stop_grace_period: 1m
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "{DATABASE}"]
      interval: 5s
      retries: 12
  prepare:
{badgeclock}\
    command: ["site", "prepare", "{folder}"]
    depends_on: {{store: {{condition: service_healthy}}}}
{confined.replace("restart: unless-stopped", 'restart: "no"')}\
  bridge:
{badgeclock}\
    command: ["bridge", "run", "--config", "{config}"]
    depends_on: {{prepare: {{condition: service_completed_successfully}}, broker: {{condition: service_started}}}}
    stop_grace_period: 30s
    ulimits: {{nofile: 16384}}
{confined}\
  console:
{badgeclock}\
    command: ["console", "run", "--config", "{config}"]
    depends_on: {{prepare: {{condition: service_completed_successfully}}}}
{confined}\
secrets:
  store_password: {{file: "{folder}/bridge/{PASSWORD}"}}
volumes:
  store: {{}}
"""
