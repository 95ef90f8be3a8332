"""``send_outbox``: the loop that delivers what waits in the outbox."""

import signal
import time

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connection

from trust import housekeeping, outbox


class Command(BaseCommand):
    """Runs beside the web; several may run at once, each message is claimed by one."""

    help = "送出待发送的消息（一直运行；--once 只送一轮）"

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="只送一轮就结束")
        parser.add_argument("--interval", type=float, default=1.0, help="两轮之间停几秒")

    def handle(self, *args, once, interval, **options):
        if once:
            sent, failed = outbox.deliver()
            self.stdout.write(f"已送出 {sent} 条，没送成 {failed} 条")
            return
        self.going = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        last_beat = 0.0
        while self.going:
            sent = 0
            try:
                sent, _ = outbox.deliver()
                if time.monotonic() - last_beat > 60:
                    housekeeping.beat("outbox")
                    last_beat = time.monotonic()
            except DatabaseError:
                connection.close()  # the database is away: try again until it is back
                time.sleep(min(interval * 5, 5))
            if not sent:
                close_old_connections()
                time.sleep(interval)

    def stop(self, *args):
        """Finish the running round, then end."""
        self.going = False
