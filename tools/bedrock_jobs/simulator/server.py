"""The HTTP server: aiohttp on the loopback address, in its own thread and event loop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from email.utils import format_datetime
from typing import Final, Protocol

from aiohttp import web

from .clock import Clock
from .wire import Answer, Delivery

_CHUNKS_PER_SECOND: Final = 20
# SO_LINGER on with a timeout of 0: closing then sends RST instead of FIN.
_RESET_ON_CLOSE: Final = struct.pack('ii', 1, 0)


class Service(Protocol):
    """What is behind the server: answers requests, at the time of its clock."""

    clock: Clock

    async def serve(self, method: str, raw_path: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class Server:
    """Serves a `Service` over HTTP. Only loopback addresses are accepted, because any signature is accepted."""

    def __init__(self, service: Service, host: str = '127.0.0.1', port: int = 0) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f'the simulator listens on a loopback address only, got {host}')
        self._service = service
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Start serving and return the endpoint's URL. Raises OSError if the port is taken."""
        if self._thread is not None:
            raise RuntimeError('the simulator is already running')
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name='simulator', daemon=True)
        self._thread.start()
        try:
            port = ready.result()
        except BaseException:
            self._thread = None
            raise
        host = f'[{self._host}]' if ':' in self._host else self._host
        return f'http://{host}:{port}'

    def stop(self) -> None:
        """Stop, and release every hanging request."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = self._loop = None

    async def _run(self, ready: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException as error:
            ready.set_exception(error)
            await runner.cleanup()
            return
        ready.set_result(runner.addresses[0][1])
        await self._stopping.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get('Expect', '').lower() == '100-continue':
            # botocore waits up to a second for this before it sends an object.
            await request.writer.write(b'HTTP/1.1 100 Continue\r\n\r\n')
            request.writer.output_size = 0
        # Use the stream, not `read()`: S3 bodies may exceed aiohttp's limit of 1 MiB.
        body = await request.content.read() if request.body_exists else b''
        answer = await self._service.serve(request.method, request.raw_path, request.headers, body)
        if answer.delivery is Delivery.HANG:
            await self._stopping.wait()
        if answer.delivery in (Delivery.HANG, Delivery.RESET):
            _reset(request)
            return web.Response()
        if answer.delivery is Delivery.WHOLE:
            return web.Response(status=answer.status, body=answer.body, headers=self._headers(answer))
        return await self._send_in_parts(request, answer)

    async def _send_in_parts(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=self._headers(answer))
        response.content_length = len(answer.body)
        await response.prepare(request)
        if answer.delivery is Delivery.HALF:
            await response.write(answer.body[: len(answer.body) // 2])
            if request.transport is not None:
                request.transport.close()
            return response
        size = max(1, int(answer.bytes_per_second / _CHUNKS_PER_SECOND))
        for start in range(0, len(answer.body), size):
            chunk = answer.body[start : start + size]
            await response.write(chunk)
            if not await self._pause(len(chunk) / answer.bytes_per_second):
                break
        return response

    async def _pause(self, seconds: float) -> bool:
        """Wait, and return whether to continue; False if the server is stopping."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False

    def _headers(self, answer: Answer) -> dict[str, str]:
        """Return the headers of a response; `Date` is the simulated time."""
        others = {name: value for name, value in answer.headers.items() if name.lower() != 'date'}
        date = format_datetime(self._service.clock.now(), usegmt=True)
        return {'Content-Type': answer.content_type, **others, 'Date': date}


def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    if (connection := transport.get_extra_info('socket')) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
