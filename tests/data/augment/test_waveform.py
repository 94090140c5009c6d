"""Speed, reverberation and noise: as loud as asked, drawn from keys, safe on odd input."""

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import AudioCache, read_audio
from mgf_brain.data.augment.noise import mix, premix
from mgf_brain.data.augment.waveform import WaveformAugmentation
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

RATE = 16000


def tone(hertz, samples, level=0.3):
    return level * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE)


def write(path, samples, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def snr(wav, out):
    wav, out = wav.double(), out.double()
    return (10 * torch.log10(wav.square().sum() / (out - wav).square().sum())).item()


def peaks(wav, step=100):
    """Which multiples of ``step`` Hz a second of tones holds."""
    spectrum = torch.fft.rfft(wav.double()).abs()[::step]
    return {int(i) * step for i in (spectrum > 0.01 * spectrum.max()).nonzero()}


@pytest.fixture
def wav():
    return 0.1 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def musan(tmp_path):
    """MUSAN's layout: tones of 100 Hz, 200 Hz (music) and 1000 to 1900 Hz (speech)."""
    write(tmp_path / "musan/noise/free-sound/noise-free-sound-0000.wav", tone(100, 2 * RATE))
    write(tmp_path / "musan/music/fma/music-fma-0000.wav", tone(200, 2 * RATE))
    for i in range(10):
        path = tmp_path / f"musan/speech/librivox/speech-librivox-{i:04}.wav"
        write(path, tone(1000 + 100 * i, 3 * RATE))
    (tmp_path / "musan/noise/free-sound/LICENSE").write_text("CC0")
    return tmp_path / "musan"


def rooms(tmp_path, *responses):
    folder = tmp_path / "RIRS_NOISES"
    for i, response in enumerate(responses):
        write(folder / f"simulated_rirs/smallroom/Room001/Room001-{i:05}.wav", response)
    return folder


def test_kinds_their_ranges_and_their_shares(musan, wav):
    augment = WaveformAugmentation(musan, noise_probability=1.0)
    seen = {"noise": [], "music": [], "speech": []}
    for key in range(200):
        out = augment(wav, key)
        hertz = peaks(out - wav)
        kind = {100: "noise", 200: "music"}.get(min(hertz), "speech")
        seen[kind].append((snr(wav, out), len(hertz)))
    for kind, low, high in (("noise", 0, 15), ("music", 5, 15)):
        ratios, counts = zip(*seen[kind], strict=True)
        assert low - 0.1 <= min(ratios) < low + 2 and high - 2 < max(ratios) <= high + 0.1
        assert set(counts) == {1} and 40 < len(counts) < 95
    ratios, counts = zip(*seen["speech"], strict=True)
    assert set(counts) == {3, 4, 5, 6, 7}
    assert 13 - 10 * np.log10(7) < min(ratios) and max(ratios) < 20 - 10 * np.log10(3)


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 7.5, 40.0])
def test_the_ratio_is_the_one_asked_for(tmp_path, wav, decibels):
    rng = np.random.default_rng(0)
    for i, samples in enumerate((100, 5000, 40000)):
        write(tmp_path / f"{i}.flac", rng.uniform(-0.2, 0.2, samples))
    augment = WaveformAugmentation(tmp_path, noise_snr=(decibels, decibels), noise_probability=1)
    for key in range(8):
        assert abs(snr(wav, augment(wav, key)) - decibels) < 0.1


def test_every_voice_of_a_babble_has_the_ratio_asked_for(musan, wav):
    folders = {"babble_folder": musan / "speech", "babble_speakers": (4, 4)}
    augment = WaveformAugmentation(**folders, babble_snr=(15.0, 15.0), noise_probability=1)
    assert abs(snr(wav, augment(wav, 3)) - (15 - 10 * np.log10(4))) < 0.1


def test_a_babble_holds_each_voice_once_and_never_the_utterance(musan, tmp_path):
    link = tmp_path / "utterance.wav"
    link.symlink_to(musan / "speech/librivox/speech-librivox-0004.wav")
    wav, heard = torch.from_numpy(tone(50, RATE)).float(), set()
    augment = WaveformAugmentation(babble_folder=musan / "speech", noise_probability=1)
    for key in range(60):
        voices = peaks(augment(wav, key, path=link) - wav)
        assert 3 <= len(voices) <= 7
        heard |= voices
    assert heard == set(range(1000, 2000, 100)) - {1400}


def test_too_few_voices_and_none_but_the_utterance(tmp_path, wav):
    only = write(tmp_path / "speech/0.wav", tone(1000, RATE))
    augment = WaveformAugmentation(tmp_path, noise_probability=1)
    assert peaks(augment(wav, 0) - wav) == {1000}
    assert torch.equal(augment(wav, 0, path=only), wav)


def test_the_key_alone_decides(musan, tmp_path, wav):
    folder = rooms(tmp_path, [1.0, 0.0, 0.5], [1.0, 0.3])
    settings = {"reverb_folder": folder, "speeds": (0.9, 1.0, 1.1)}
    first, second = (WaveformAugmentation(musan, **settings) for _ in range(2))
    expected = [first(wav, key) for key in range(20)]
    torch.manual_seed(7)
    for key in reversed(range(20)):  # another order, another history
        assert torch.equal(second(wav, key), expected[key])
    assert len({(len(x), x[:100].sum().item()) for x in expected}) >= 15  # some are left as is


def test_the_global_random_state_stays(musan, wav):
    augment = WaveformAugmentation(musan, noise_probability=1)
    state = torch.get_rng_state()
    augment(wav, 1)
    assert torch.equal(torch.get_rng_state(), state)


def test_probabilities(musan, tmp_path, wav):
    folder = rooms(tmp_path, [0.0, 1.0, 0.0, 0.8])
    settings = {"noise_probability": 0.25, "reverb_probability": 0.75}
    noisy = WaveformAugmentation(musan, **settings)
    wet = WaveformAugmentation(None, folder, **settings)
    for augment, share in ((noisy, 0.25), (wet, 0.75)):
        changed = [not torch.equal(augment(wav[:400], key), wav[:400]) for key in range(400)]
        assert abs(np.mean(changed) - share) < 0.08
    assert torch.equal(WaveformAugmentation()(wav, 1), wav)


def test_noises_beside_responses_are_left_out_and_channels_not_mixed(tmp_path, wav):
    folder = rooms(tmp_path, [0.0, 1.0])
    write(folder / "pointsource_noises/noise-free-sound-0000.wav", tone(100, 500))
    real = folder / "real_rirs_isotropic_noises"
    write(real / "RVB2014_type1_noise_largeroom1_1.wav", tone(100, 500))
    write(real / "RVB2014_type1_rir_largeroom1_far_angla.wav", [[1.0, 0.0], [0.0, 1.0]])
    augment = WaveformAugmentation(None, folder, reverb_probability=1)
    assert [len(kind) for kind in augment.rooms] == [1, 1]
    for key in range(8):  # every response that is left is a single impulse in its first channel
        torch.testing.assert_close(augment(wav, key), wav, atol=1e-5, rtol=0)


@pytest.mark.parametrize("speed, samples, hertz", [(0.8, 20000, 400), (1.25, 12800, 625)])
def test_speed_changes_length_and_pitch(speed, samples, hertz):
    out = WaveformAugmentation(speeds=(speed,))(torch.from_numpy(tone(500, RATE)).float(), 0)
    assert out.shape == (samples,)
    expected = torch.from_numpy(tone(hertz, samples)).float()
    torch.testing.assert_close(out[500:-500], expected[500:-500], atol=0.01, rtol=0)


@pytest.mark.parametrize("utterance", ["silence", "one sample", "loud", "quiet"])
@pytest.mark.parametrize("cache_mb", [0.0, 1.0])
def test_odd_utterances_and_noises_stay_finite_and_of_their_length(tmp_path, utterance, cache_mb):
    odd = {"silent": np.zeros(900), "empty": [], "click": [0.5], "tiny": np.full(900, 1e-30)}
    for name, samples in odd.items():
        write(tmp_path / f"noise/{name}.wav", samples, subtype="FLOAT")
        if samples is not odd["empty"]:
            write(tmp_path / f"speech/{name}.wav", samples, subtype="FLOAT")
            write(tmp_path / f"rooms/{name}.wav", samples, subtype="FLOAT")
    wav = {
        "silence": torch.zeros(1000),
        "one sample": torch.ones(1),
        "loud": 1e4 * torch.randn(1000),
        "quiet": 1e-20 * torch.randn(1000),
    }[utterance]
    settings = {"noise_probability": 1, "reverb_probability": 1, "cache_mb": cache_mb}
    augment = WaveformAugmentation(tmp_path, tmp_path / "rooms", **settings)
    for key in range(30):
        out = augment(wav, key)
        assert out.shape == wav.shape and out.isfinite().all() and out.dtype == torch.float32
    if utterance == "silence":
        assert not out.any()


def test_silent_noise_adds_nothing(wav):
    assert torch.equal(mix(wav, [torch.zeros_like(wav)], [0.0]), wav)
    both = mix(wav, [torch.zeros_like(wav), torch.ones_like(wav)], [0.0, 10.0])
    assert torch.equal(both, mix(wav, [torch.ones_like(wav)], [10.0]))


def test_other_rates_and_folders_count_as_noise(tmp_path, wav):
    write(tmp_path / "kitchen/tap.wav", tone(600, 8000), rate=8000)  # 300 Hz at that rate
    augment = WaveformAugmentation(tmp_path, noise_probability=1)
    spectrum = torch.fft.rfft(augment(wav, 2) - wav).abs()
    assert spectrum.argmax() == 300


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"noise_folder": "nowhere"}, "noise_folder: no audio found in nowhere"),
        ({"reverb_folder": "nowhere"}, "reverb_folder: no audio found in nowhere"),
        ({"babble_folder": "nowhere"}, "babble_folder: no audio found in nowhere"),
        ({"music_snr": (15.0, 5.0)}, "music_snr"),
        ({"babble_speakers": (0, 3)}, "babble_speakers"),
        ({"rt60": (0.0, 0.5)}, "rt60"),
        ({"direct_ratio": (3.0, 0.0)}, "direct_ratio"),
        ({"own_babble": True, "babble_folder": "speech"}, "own_babble"),
        ({"speeds": ()}, "speeds"),
        ({"speeds": (1.0, 0.0)}, "speeds"),
        ({"speeds": ["a"]}, "speeds: .*no factors"),
        ({"noise_snr": [40.0]}, "noise_snr: .* no range"),
        ({"noise_snr": ["a", "b"]}, "noise_snr: .* no range"),
        ({"noise_probability": 3}, "noise_probability: 3 is no share"),
        ({"reverb_probability": -0.1}, "reverb_probability"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(UserError, match=message):
        WaveformAugmentation(**settings)


def test_a_file_that_is_no_audio_is_named(tmp_path):
    (tmp_path / "broken.wav").write_text("no audio")
    with pytest.raises(UserError, match="broken.wav"):
        WaveformAugmentation(tmp_path)
    augment = WaveformAugmentation(None, tmp_path, reverb_probability=1)
    with pytest.raises(UserError, match="broken.wav"):
        augment(torch.ones(10), 0)


def test_a_babble_of_the_corpus_holds_other_utterances(musan, tmp_path):
    """Whatever speaker they name, and read by the loader's own reader."""
    paths = sorted((musan / "speech/librivox").iterdir())
    rows = [Utterance(path.stem, 3.0, str(path), "one speaker") for path in paths]
    cache = AudioCache()
    settings = {"own_babble": True, "noise_probability": 1, "babble_speakers": (3, 10)}
    augment = WaveformAugmentation(**settings).for_corpus(rows, cache)
    wav, heard, counts = torch.from_numpy(tone(50, RATE)).float(), set(), set()
    for key in range(80):
        voices = peaks(augment(wav, key, path=rows[4].wav) - wav)
        heard |= voices
        counts.add(len(voices))
    assert heard == set(range(1000, 2000, 100)) - {1400} and counts == set(range(3, 10))
    assert set(cache.waves) == {row.wav for row in rows} - {rows[4].wav}


def test_a_babble_of_the_corpus_is_one_kind_beside_the_others(musan, wav):
    """A third of the noises, in place of the folder's own speech; the original stays as it was."""
    row = Utterance("own", 1.0, str(write(musan.parent / "own.wav", tone(4000, RATE))), "s")
    plain = WaveformAugmentation(musan, own_babble=True, noise_probability=1)
    augment = plain.for_corpus([row], read_audio)
    for object, kinds in ((plain, {100, 200}), (augment, {100, 200, 4000})):
        hertz = [max(peaks(object(wav, key) - wav)) for key in range(60)]
        assert set(hertz) == kinds
        assert min(hertz.count(kind) for kind in kinds) > 40 / len(kinds)
    other = WaveformAugmentation(musan)
    assert other.for_corpus([row], read_audio) is other


def test_premixed_voices_are_equally_loud_and_have_one_ratio(tmp_path, wav):
    for i in range(5):
        write(tmp_path / f"{i}.wav", tone(1000 + 100 * i, RATE, level=0.05 * (i + 1)))
    settings = {"babble_speakers": (5, 5), "babble_snr": (6.0, 6.0), "noise_probability": 1}
    augment = WaveformAugmentation(babble_folder=tmp_path, premixed_babble=True, **settings)
    out = augment(wav, 1)
    assert abs(snr(wav, out) - 6.0) < 0.01
    levels = torch.fft.rfft((out - wav).double()).abs()[1000:1500:100]
    torch.testing.assert_close(levels, levels.mean().expand(5), rtol=0.01, atol=0)


def test_mix_and_premix_against_loops():
    rng = np.random.default_rng(0)
    wav, noises, snrs = rng.standard_normal(500), rng.standard_normal((7, 500)), range(7)
    mixed, summed = wav.copy(), np.zeros(500)
    for noise, ratio in zip(noises, snrs, strict=True):
        scale = np.sqrt(np.sum(wav**2) / np.sum(noise**2) / 10 ** (ratio / 10))
        mixed += scale * noise
        summed += noise / np.sqrt(np.sum(noise**2))
    noises = [torch.from_numpy(noise).float() for noise in noises]
    got = mix(torch.from_numpy(wav).float(), noises, [float(ratio) for ratio in snrs])
    np.testing.assert_allclose(got.numpy(), mixed, atol=1e-5)
    np.testing.assert_allclose(premix(noises).numpy(), summed, atol=1e-6)


def test_simulated_rooms_stand_in_for_a_folder(tmp_path, wav):
    settings = {"simulated_rooms": 5, "reverb_probability": 1}
    outputs = {WaveformAugmentation(**settings)(wav, key)[500].item() for key in range(60)}
    assert len(outputs) == 5
    recorded = WaveformAugmentation(None, rooms(tmp_path, [0.0, 1.0]), **settings)
    torch.testing.assert_close(recorded(wav, 0), wav, atol=1e-5, rtol=0)
    assert torch.equal(WaveformAugmentation(reverb_probability=1)(wav, 0), wav)


@pytest.mark.parametrize("kind", ["noise", "reverb"])
def test_a_folder_that_is_never_heard_is_refused(musan, kind):
    with pytest.raises(UserError, match=f"{kind}_probability"):
        WaveformAugmentation(**{f"{kind}_folder": musan, f"{kind}_probability": 0.0})
