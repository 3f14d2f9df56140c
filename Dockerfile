# docker build -t impasto .
# docker run -p 8080:8080 -e IMPASTO_WEB_TOKEN=... -v impasto:/data impasto
# With an NVIDIA card and its container toolkit: the same with --gpus all. PyTorch's wheels bring CUDA along; a machine
# without a card is spared 5 GB by: --build-arg TORCH_INDEX=<the address of PyTorch's CPU wheels>

FROM python:3.12-slim AS build
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/impasto
ENV PATH=/opt/impasto/bin:$PATH
# The large part first and by itself: it changes rarely, and the layer is kept.
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision
COPY . /source
# A checkout may be for its owner's eyes only; what is installed from it is for everybody.
RUN chmod -R a+rX /source && pip install "/source[figures,heif,video]"

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home impasto && install -d -o impasto -g impasto /data
COPY --from=build /opt/impasto /opt/impasto
# Inside a container loopback is the container's own, so the page listens on every address. Then the bot demands an
# access token: without IMPASTO_WEB_TOKEN it says so and ends.
ENV PATH=/opt/impasto/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    IMPASTO_WEB_HOST=0.0.0.0 \
    IMPASTO_WEB_PORT=8080 \
    IMPASTO_STORE_PATH=/data/journal.sqlite3 \
    IMPASTO_ENGINE_CACHE=/data/cache \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER impasto
WORKDIR /home/impasto
VOLUME /data
EXPOSE 8080
# /health answers 503 while the engine is loading or broken, which urlopen raises.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"IMPASTO_WEB_PORT\"]}/health', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["impasto"]
