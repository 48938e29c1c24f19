import asyncio, json, sys
from tests.gateway.hl import foreign
from tests.gateway.live import live
from tests.sequencer.venue import TRADERS
async def main():
    async with live() as node:
        for key in TRADERS[:2]: await node.fund(key, 1_000_000)
        async def prices():
            while True:
                await node.price(); await asyncio.sleep(1)
        t = asyncio.ensure_future(prices()); await asyncio.sleep(.3)
        got = await foreign.run(sys.argv[1], node.http, *("0x"+k.secret.hex() for k in TRADERS[:2]))
        t.cancel()
        print(json.dumps(got, indent=None)[:200000])
asyncio.run(main())
