import asyncio

from domicile.manager.reporting import Reports
from domicile.model.moves import Report, Status


async def test_the_newest_report_of_an_app_is_sent_until_it_is_taken(peer, client):
    peer.failures = 2
    reports = Reports(client)
    reports.tell(Report("a", "amber", 1, Status.STARTING))
    reports.tell(Report("a", "amber", 1, Status.SERVING))
    reports.tell(Report("b", "amber", 4, Status.SETTLED, cut=3))
    task = asyncio.create_task(reports.run())
    async with asyncio.timeout(20):
        while not peer.reports:
            await asyncio.sleep(0.05)
    task.cancel()
    assert len(peer.asked) == 3
    sent = {each["app"]: (each["status"], each["cut"]) for each in peer.reports}
    assert sent == {"a": ("serving", 0), "b": ("settled", 3)}
