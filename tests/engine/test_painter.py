"""Every mode from bytes to bytes, with the weights of the package, at postage-stamp size."""

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image

from engine import gallery
from engine.encoders import full, slim, weights
from engine.encoders.full import FullEncoder
from engine.encoders.slim import SlimEncoder
from engine.fast import network
from engine.fast.generator import ResNetGenerator
from engine.fast.network import load, save_pair
from engine.images.animation import fitting, read
from engine.images.decode import decode
from engine.images.metadata import LINE_KEY
from engine.painter import TorchPainter
from engine.recipe import Recipe, complete, line, parse
from engine.stages import Picture, Refused, Stage
from engine.tensors import fit
from engine.universal import paint as universal
from engine.universal import predictor
from engine.wire import MOVING_RESULTS, EngineSettings, Paint
from tests.fakes.weights import file_of, serving, torchvisions
from tests.scenes import file, pan, pictures

load_slim = SlimEncoder.load


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


def picture_bytes(colour: str = "orange") -> bytes:
    image = Image.linear_gradient("L").resize((90, 60)).convert("RGB")
    image.paste(colour, (20, 15, 50, 40))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def line_of(png: bytes) -> str:
    with Image.open(io.BytesIO(png)) as picture:
        return str(picture.info[LINE_KEY])


def recipe(text: str) -> Recipe:
    return complete(parse(text, gallery.default()), gallery.default(), size=72, seed=7)


def painted(painter: TorchPainter, text: str, **arguments) -> tuple[list[Stage], Picture]:
    *stages, picture = painter.paint(Paint("job", picture_bytes(), recipe(text), **arguments))
    assert isinstance(picture, Picture)
    return [stage for stage in stages if isinstance(stage, Stage)], picture


def test_a_fast_picture_is_the_same_every_time_and_carries_its_line(painter) -> None:
    _, first = painted(painter, "starrynight")
    _, again = painted(painter, "starrynight")
    assert first.data == again.data
    assert first.recipe.mode == "fast"
    assert line_of(first.data) == line(first.recipe)
    assert (first.width, first.height) == (72, 48)


@pytest.mark.parametrize("mode", ["fast", "universal", "fine steps=2"])
def test_a_photo_that_is_not_to_be_enlarged_keeps_its_size_and_its_line_paints_it_again(painter, mode) -> None:
    order = msgspec.structs.replace(recipe(f"starrynight mode={mode}"), size=1024)
    *_, own = painter.paint(Paint("job", picture_bytes(), order, enlarge=False))
    assert isinstance(own, Picture)
    assert (own.width, own.height, own.recipe.size) == (90, 60, 90)
    *_, again = painter.paint(Paint("job", picture_bytes(), parse(line_of(own.data), gallery.default())))
    assert isinstance(again, Picture)
    assert again.data == own.data


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("mode=content content=conv2_1", (72, 48)),
        ("starrynight mode=texture depth=2", (72, 72)),
        ("starrynight mode=texture depth=1 tile=yes", (64, 64)),
        ("starrynight+scream mode=texture", (5 * 36 + 4 * 8, 36)),
        ("mode=dream octaves=2", (72, 48)),
    ],
)
def test_a_picture_of_the_laboratory_is_the_same_every_time_and_its_line_paints_it_again(painter, text, size) -> None:
    stages, first = painted(painter, f"{text} steps=2")
    *_, again = painter.paint(Paint("job", picture_bytes(), parse(line_of(first.data), gallery.default())))
    assert isinstance(again, Picture)
    assert first.data == again.data
    assert (first.width, first.height) == size
    assert stages[-1].done == pytest.approx(1)
    assert stages[-1].preview is not None


def test_what_was_changed_in_the_laboratory_is_told(painter) -> None:
    _, tile = painted(painter, "starrynight mode=texture depth=1 tile=yes steps=1")
    assert tile.notes == ("The side of a seamless texture is a multiple of 16 pixels: this one has 64.",)
    assert tile.recipe.size == 64
    _, dream = painted(painter, "mode=dream octaves=9 steps=20")
    assert dream.notes == ("There is room for 2 octaves at this size, not for 9.",)


def test_a_dream_is_guided_by_the_second_picture(painter) -> None:
    _, free = painted(painter, "mode=dream steps=2")
    _, led = painted(painter, "mine mode=dream steps=2", style=picture_bytes("navy"))
    assert led.data != free.data


def test_a_size_is_the_most_of_a_larger_photo_and_the_least_that_a_line_can_name(painter) -> None:
    for size, side, expected in ((72, 90, 72), (72, 40, 64)):
        file = io.BytesIO()
        Image.linear_gradient("L").resize((side, side)).save(file, "PNG")
        order = msgspec.structs.replace(recipe("starrynight"), size=size)
        *_, made = painter.paint(Paint("job", file.getvalue(), order, enlarge=False))
        assert isinstance(made, Picture)
        assert (made.width, made.recipe.size) == (expected, expected)


def test_another_style_and_a_mixture_are_other_pictures(painter) -> None:
    lines = ("starrynight", "scream", "starrynight:70+scream:30", "starrynight strength=10", "starrynight brush=2")
    assert len({painted(painter, text)[1].data for text in lines}) == len(lines)


def test_strength_zero_is_the_photo(painter) -> None:
    for mode in ("fast", "universal", "fine"):
        _, picture = painted(painter, f"starrynight strength=0 mode={mode}")
        x, p = (decode(data).pixels for data in (picture.data, picture_bytes()))
        assert torch.allclose(x, fit(p, 72), atol=0.01)


def test_a_fine_picture_shows_the_fast_one_before_its_first_step(painter) -> None:
    stages, picture = painted(painter, "starrynight mode=fine steps=3")
    begin = [stage.at_once for stage in stages].index(True)
    preview = stages[begin].preview
    assert preview is not None
    assert preview().startswith(b"\xff\xd8")
    assert [stage.text for stage in stages[begin + 1 :]] == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]
    assert [stage.done for stage in stages] == sorted(stage.done for stage in stages)
    assert picture.recipe.init == "fast"


@pytest.mark.parametrize("text", ["mine", "mine mode=fine init=photo steps=3", "mine mode=fine steps=2"])
def test_a_picture_of_ones_own_is_the_style(painter, text) -> None:
    stages, blue = painted(painter, text, style=picture_bytes("blue"))
    _, red = painted(painter, text, style=picture_bytes("red"))
    assert blue.data != red.data
    assert any(stage.at_once for stage in stages) == (blue.recipe.init == "universal")
    assert blue.recipe.mode == ("fine" if "fine" in text else "universal")


def test_a_style_picture_that_is_missing_or_none_is_told_apart_from_the_photo(painter) -> None:
    order = Paint("job", picture_bytes(), recipe("mine mode=fine init=photo steps=3"), style=b"no picture")
    with pytest.raises(Refused, match="The style picture cannot be used"):
        list(painter.paint(order))
    with pytest.raises(Refused, match="no second picture"):
        list(painter.paint(Paint("job", picture_bytes(), order.recipe)))


def test_an_own_style_is_painted_in_every_mode_even_when_the_full_encoder_is_missing(painter, tmp_path: Path) -> None:
    text = 'name = "ourmural"\ntitle = "Our Mural"\nartist = "The neighbours"\nyear = "2021"\nlicence = "ours"\n'
    (tmp_path / "styles.toml").write_text(f"[[style]]\n{text}")
    (tmp_path / "swatches").mkdir()
    Image.open(io.BytesIO(picture_bytes("blue"))).save(tmp_path / "swatches" / "ourmural.webp")
    trained = load(torch.device("cpu"))
    trained.add("ourmural", trained.pairs[1] * 1.2)
    save_pair(trained, "ourmural", tmp_path)

    own = TorchPainter(EngineSettings(device="cpu", gallery=tmp_path, weights=tmp_path / "missing.safetensors"))
    styles = gallery.load(tmp_path)
    for given in ("mode=fast", "mode=universal", "mode=fine steps=2 init=fast encoder=full"):
        order = complete(parse(f"ourmural {given}", styles), styles, size=72, seed=7)
        *_, picture = own.paint(Paint("job", picture_bytes(), order))
        assert isinstance(picture, Picture)
        assert picture.recipe.styles[0].name == "ourmural"
        assert picture.recipe.encoder != "full"


def test_a_gallery_picture_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    text = 'name = "ourmural"\ntitle = "Our Mural"\nartist = "The neighbours"\nyear = "2021"\nlicence = "ours"\n'
    (tmp_path / "styles.toml").write_text(f"[[style]]\n{text}")
    (tmp_path / "swatches").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "swatches" / "ourmural.webp")
    styles = gallery.load(tmp_path)
    order = complete(parse("ourmural", styles), styles, size=72, seed=7)
    with pytest.raises(Refused, match="The gallery's picture of ourmural cannot be used"):
        list(TorchPainter(EngineSettings(device="cpu", gallery=tmp_path)).paint(Paint("job", picture_bytes(), order)))


def test_a_pair_of_other_weights_is_told_when_the_engine_is_ready(tmp_path: Path) -> None:
    text = 'name = "ourmural"\ntitle = "Our Mural"\nartist = "The neighbours"\nyear = "2021"\nlicence = "ours"\n'
    (tmp_path / "styles.toml").write_text(f"[[style]]\n{text}")
    (tmp_path / "swatches").mkdir()
    Image.new("RGB", (90, 90), "blue").save(tmp_path / "swatches" / "ourmural.webp")
    other = load(torch.device("cpu"))
    other.add("ourmural", other.pairs[1])
    other.first.weight.data += 1
    save_pair(other, "ourmural", tmp_path)
    own = TorchPainter(EngineSettings(device="cpu", gallery=tmp_path))
    assert "Fast mode cannot paint ourmural, which was trained for other gallery weights" in " ".join(own.ready.notes)


def collection(folder: Path, weights: dict[str, torch.Tensor]) -> EngineSettings:
    """A folder with the collection ourmural, whose generator has these weights."""
    text = 'name = "ourmural"\ntitle = "Our Mural"\nartist = "The neighbours"\nyear = "2021"\nlicence = "ours"\n'
    (folder / "styles.toml").write_text(f'[[style]]\n{text}generator = "mural.pth"\nstrength = 48\n')
    (folder / "swatches").mkdir()
    Image.new("RGB", (90, 90), "blue").save(folder / "swatches" / "ourmural.webp")
    torch.save(weights, folder / "mural.pth")
    return EngineSettings(device="cpu", gallery=folder)


def order_of(settings: EngineSettings, text: str) -> Paint:
    styles = gallery.load(settings.gallery)
    return Paint("job", picture_bytes(), complete(parse(text, styles), styles, size=72, seed=7))


def test_a_collection_is_painted_by_its_generator_in_fast_mode_and_from_its_picture_in_the_others(tmp_path) -> None:
    generator = ResNetGenerator(4, 2).eval().requires_grad_(False)
    settings = collection(tmp_path, generator.state_dict())
    own = TorchPainter(settings)
    assert own.ready.notes == ()
    *_, picture = own.paint(order_of(settings, "ourmural faces=free"))
    assert isinstance(picture, Picture)
    assert picture.recipe.mode == "fast"
    p = fit(decode(picture_bytes()).pixels, 72)
    left, top = (int(n) for n in torch.randint(0, 4, (2,), generator=torch.Generator().manual_seed(7)).flip(0))
    framed = torch.nn.functional.pad(p[None], (left, -(72 + left) % 8, top, -(48 + top) % 8), mode="replicate")
    expected = generator(framed)[0, :, top : top + 48, left : left + 72]
    assert (decode(picture.data).pixels - expected).abs().mean() < 0.01
    for text in ("ourmural mode=universal", "ourmural+starrynight", "ourmural mode=fine steps=1"):
        *_, picture = own.paint(order_of(settings, text))
        assert isinstance(picture, Picture)


def test_a_file_that_is_no_generator_is_told_the_operator_by_its_layer_and_others_by_what_to_do(tmp_path) -> None:
    weights = ResNetGenerator(4, 2).state_dict()
    del weights["model.4.bias"]
    settings = collection(tmp_path, weights)
    own = TorchPainter(settings)
    told = f"Fast mode cannot paint ourmural: {tmp_path / 'mural.pth'} is incomplete: model.4.bias is missing."
    assert told in own.ready.notes
    with pytest.raises(Refused, match=r"^The network of ourmural cannot be used\. Use mode=universal"):
        list(own.paint(order_of(settings, "ourmural")))


def test_every_network_is_loaded_once_the_full_encoder_for_each_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def slim_of(path: Path = slim.FILE) -> SlimEncoder:
        loaded.append("slim")
        return load_slim(path)

    def full_of(device: torch.device, cache: Path | None, local: Path | None, pooling: str) -> SlimEncoder:
        loaded.append(pooling)
        return load_slim()

    monkeypatch.setattr(SlimEncoder, "load", slim_of)
    monkeypatch.setattr(full, "load", full_of)
    own = TorchPainter(EngineSettings(device="cpu"))
    painted(own, "starrynight faces=free")
    assert loaded == [], "a fast picture needs no encoder but to find the subject"
    for encoder in ("slim", "full", "full pooling=max", "full", "slim", "full pooling=max"):
        painted(own, f"starrynight mode=fine init=photo steps=1 encoder={encoder}")
    painted(own, "starrynight mode=universal")
    assert loaded == ["slim", "avg", "max"]


def test_the_first_order_for_the_full_encoder_fetches_it_and_paints_with_the_papers_layers_and_pooling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_style = gallery.Gallery(gallery.default().styles[:1])
    monkeypatch.setattr(gallery, "default", lambda: one_style)  # what the encoder is normalised over
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    asked, features = [], FullEncoder.features

    def watched(encoder: FullEncoder, x: torch.Tensor, layers: Iterable[str]) -> dict[str, torch.Tensor]:
        asked.append((encoder.trunk.pooling, frozenset(layers)))
        return features(encoder, x, layers)

    monkeypatch.setattr(FullEncoder, "features", watched)
    with serving(file_of(torchvisions())) as server:
        monkeypatch.setattr(weights, "URL", server.url)
        own = TorchPainter(EngineSettings(device="cpu", cache=tmp_path, encoder="auto"))
        assert (own.ready.encoders, own.ready.encoder) == (("slim",), "slim")
        _, picture = painted(own, "starrynight mode=fine init=photo steps=1 encoder=full")
        assert server.requests == 1
    assert [path.name for path in tmp_path.iterdir()] == ["vgg19.safetensors"]
    assert (picture.recipe.encoder, picture.recipe.pooling, picture.notes) == ("full", "avg", ())
    assert {pooling for pooling, _ in asked} == {"avg"}
    papers = {"conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2"}
    assert frozenset.union(*(layers for _, layers in asked)) == papers
    # From now on it is at hand; on a CPU slim remains what orders that name none are painted with.
    again = TorchPainter(EngineSettings(device="cpu", cache=tmp_path, encoder="auto"))
    assert (again.ready.encoders, again.ready.encoder) == (("slim", "full"), "slim")


@pytest.mark.parametrize("module", [slim, network, predictor])
def test_weights_that_are_missing_or_not_whole_are_told_before_the_first_order(
    module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.safetensors"
    whole = module.FILE.read_bytes()
    monkeypatch.setattr(module, "FILE", path)
    for broken in (None, whole[:-1], b""):
        if broken is not None:
            path.write_bytes(broken)
        with pytest.raises(RuntimeError, match=r"some\.safetensors cannot be read .*Install Impasto again"):
            TorchPainter(EngineSettings(device="cpu"))


def test_a_small_picture_takes_one_thread_and_changes_none_that_is_painted_beside_or_after_it(
    painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, pictures = set(), []

    def noting(network, predictor, encoder, p, *rest):
        for step in universal.paint(network, predictor, encoder, p, *rest):
            taken.add((max(p.shape[1:]), torch.get_num_threads()))
            yield step

    monkeypatch.setattr("engine.painter.paint_universal", noting)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for size in (288, 72, 288):
            order = msgspec.structs.replace(recipe("starrynight mode=universal"), size=size)
            for stage in painter.paint(Paint("job", picture_bytes(), order)):
                assert torch.get_num_threads() == 2, "between two steps another picture may be painted"
                last = stage
            assert isinstance(last, Picture)
            pictures.append(last.data)
        assert taken == {(72, 1), (288, 2)}
        assert pictures[0] == pictures[2]
    finally:
        torch.set_num_threads(before)


def test_transparent_parts_are_kept_where_the_line_says_so(painter) -> None:
    image = Image.open(io.BytesIO(picture_bytes())).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    file = io.BytesIO()
    image.save(file, "PNG")
    for given, mode, note in (("", "RGB", "alpha=keep"), ("alpha=keep", "RGBA", "")):
        order = recipe(f"starrynight {given}")
        *_, picture = painter.paint(Paint("job", file.getvalue(), order))
        assert isinstance(picture, Picture)
        shown = Image.open(io.BytesIO(picture.data))
        assert shown.mode == mode
        assert note in " ".join(picture.notes)
        assert line_of(picture.data) == line(picture.recipe)
    assert len(set(shown.getchannel("A").tobytes())) > 40


def test_a_narrow_photo_that_had_to_be_stretched_is_told(painter) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((600, 60)).save(file, "PNG")
    *_, picture = painter.paint(Paint("job", file.getvalue(), recipe("starrynight")))
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == (72, 32)
    assert "stretched" in " ".join(picture.notes)
    _, upright = painted(painter, "starrynight")
    assert not upright.notes


EVERYWHERE = tuple(kind.media_type for kind in MOVING_RESULTS)


def moving(count: int = 3, side: int = 72) -> bytes:
    return file("GIF", pictures(pan(count, 48, side)), [50, 60, 70, 80, 90, 100, 110, 120][:count])


def clip_of(painter: TorchPainter, text: str, data: bytes, plays: tuple[str, ...] = EVERYWHERE):
    *stages, last = painter.paint(Paint("job", data, recipe(text), plays=plays))
    assert isinstance(last, Picture)
    return stages, last, read(last.data, fitting(4096, enlarge=False), lambda _: 100) if plays else None


@pytest.mark.parametrize("mode", ["fast", "universal", "fine steps=6"])
def test_an_animation_is_painted_as_one_in_every_mode(painter, mode) -> None:
    stages, last, clip = clip_of(painter, f"starrynight mode={mode}", moving())
    assert last.media_type == "image/gif"
    assert clip.seconds == [Fraction(time, 1000) for time in (50, 60, 70)]
    assert (last.width, last.height, last.recipe.frames) == (72, 48, 3)
    assert [stage for stage in stages if stage.at_once and stage.preview]
    assert "frame 3 of 3" in {stage.text for stage in stages}
    assert any(note.startswith("Flicker 0.") for note in last.notes)


def test_where_nothing_moving_can_be_shown_or_one_frame_is_wanted_it_is_a_still(painter) -> None:
    _, still, _ = clip_of(painter, "starrynight", moving(), ())
    assert still.media_type == "image/png"
    assert still.notes == ("The photo is an animation; I took its first frame.",)
    *_, one = painter.paint(Paint("job", moving(), recipe("starrynight frames=1"), plays=EVERYWHERE))
    assert (one.media_type, one.notes) == ("image/png", ())
    assert decode(one.data).pixels.equal(decode(still.data).pixels)


def test_frames_are_the_most_that_are_painted(painter) -> None:
    _, last, clip = clip_of(painter, "starrynight frames=2", moving())
    assert len(clip.frames) == 2
    assert not any("longer" in note for note in last.notes)


def test_a_clip_that_is_too_long_is_cut_and_says_so(painter, monkeypatch) -> None:
    monkeypatch.setattr("engine.wire.MOST_FRAMES", 2)
    _, last, clip = clip_of(painter, "starrynight", moving())
    assert len(clip.frames) == 2
    assert "The clip is longer than I can paint at this size: these are its first 0.1 s." in last.notes


def test_a_clip_can_be_cancelled_between_frames(painter) -> None:
    stages = painter.paint(Paint("job", moving(), recipe("starrynight"), plays=EVERYWHERE))
    while next(stages).text != "frame 2 of 3":
        pass
    stages.close()


def test_a_morph_and_the_making_of_a_picture_are_clips(painter) -> None:
    _, last, clip = clip_of(painter, "starrynight+greatwave mode=morph frames=4", picture_bytes())
    assert len(clip.frames) == 4
    assert clip.loop == 0 or last.media_type == "video/mp4"
    _, _, zoom = clip_of(painter, "mode=dream zoom=3 steps=3", picture_bytes(), ("image/webp",))
    assert len(zoom.frames) == 4, "there and back"
    _, _, steps = clip_of(painter, "starrynight mode=fine steps=4 clip=yes", picture_bytes(), ("image/webp",))
    assert len(steps.frames) >= 3
    assert steps.seconds[-1] == 2


@pytest.mark.parametrize(
    "text", ["starrynight+greatwave mode=morph", "starrynight mode=fine steps=4 clip=yes", "zoom=5"]
)
def test_a_film_is_refused_where_it_cannot_be_shown(painter, text) -> None:
    with pytest.raises(Refused, match="cannot be shown here"):
        list(painter.paint(Paint("job", picture_bytes(), recipe(text))))


@pytest.mark.parametrize("mode", ["fast", "fine steps=2"])
def test_a_picture_that_is_verified_is_identical_where_it_was_painted(painter, mode) -> None:
    _, first = painted(painter, f"scream mode={mode}")
    again = first.recipe
    *_, second = painter.paint(Paint("job", picture_bytes(), again, checked=first.data))
    assert second.notes[0] == "Verified: identical, in every pixel."
    assert line_of(second.data) == line_of(first.data)
    *_, other = painter.paint(Paint("job", picture_bytes("blue"), again, checked=first.data))
    assert "Verified: it differs (" in other.notes[0]
    assert "the versions are the same" in other.notes[0]
