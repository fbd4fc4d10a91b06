"""Somebody with NATS's own Python client: listens, asks, and says what came of it.

Standard input has one JSON object: where the server is, and what each user is to try. When
everybody listens, it prints a line, and waits for one; then it prints one JSON object with what
was heard, answered and refused.
"""

import asyncio
import json
import sys

import nats

SECONDS = 10


async def anonymous(url: str) -> str:
    """Connects without any key; says how that ended."""
    try:
        client = await nats.connect(
            url, connect_timeout=SECONDS, allow_reconnect=False, error_cb=ignore
        )
    except Exception as error:
        return f"refused: {error}"
    await client.close()
    return "let in"


async def ignore(_: Exception) -> None:
    pass


class User:
    """One user of the server, and what it is to try."""

    def __init__(self, plan: dict) -> None:
        self.plan = plan
        self.heard: list[dict] = []
        self.answers: dict[str, str] = {}
        self.refused: list[str] = []

    async def sign_in(self, url: str) -> None:
        self.client = await nats.connect(
            url,
            nkeys_seed=self.plan["seed"],
            inbox_prefix=self.plan["inbox_prefix"].encode(),
            connect_timeout=SECONDS,
            allow_reconnect=False,
            error_cb=self.complain,
        )

    async def complain(self, error: Exception) -> None:
        self.refused.append(str(error))

    async def listen(self) -> None:
        for subject in self.plan["listen"]:
            await self.client.subscribe(subject, cb=self.hear)
        await self.client.flush(SECONDS)

    async def hear(self, message) -> None:
        self.heard.append(
            {
                "subject": message.subject,
                "headers": dict(message.headers or {}),
                "payload": message.data.hex(),
            }
        )

    async def ask(self) -> None:
        for subject, question in self.plan["ask"]:
            try:
                answer = await self.client.request(subject, question.encode(), timeout=1)
                self.answers[subject] = answer.data.hex()
            except Exception as error:
                self.answers[subject] = f"none: {type(error).__name__}"

    async def leave(self) -> dict:
        await self.client.flush(SECONDS)
        await self.client.close()
        return {"heard": self.heard, "answers": self.answers, "refused": self.refused}


async def main() -> None:
    task = json.loads(sys.stdin.readline())
    url = task["url"]
    report = {"anonymous": await anonymous(url)}
    users = {name: User(plan) for name, plan in task["users"].items()}
    for user in users.values():
        await user.sign_in(url)
        await user.listen()
    print("listening", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for user in users.values():
        await user.ask()
    for name, user in users.items():
        report[name] = await user.leave()
    print(json.dumps(report), flush=True)


asyncio.run(main())
