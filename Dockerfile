# Two stages: a compiler is needed to build one dependency and stays behind.
FROM python:3.11-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/novate
# Dependencies first: they change less often than the code.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && .venv/bin/pip install --no-cache-dir --require-hashes --no-build-isolation --no-deps -r requirements.lock
COPY pyproject.toml README.md ./
COPY config config
COPY proto proto
COPY node node
RUN .venv/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation -e .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/novate --create-home novate
COPY --from=build /opt/novate /opt/novate
ENV PATH=/opt/novate/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER novate
WORKDIR /var/lib/novate
VOLUME /var/lib/novate
EXPOSE 8080
# Alive is not ready: a node that replays a long journal is healthy and answers 503 on /readyz until it is done.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["novate"]
# Inside a container only the published port is reachable from outside.
CMD ["run", "--host", "0.0.0.0", "--data-dir", "/var/lib/novate"]
