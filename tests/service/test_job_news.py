"""Jobs told by news are the jobs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.model import Address, JobSpec, JobState, JobView, MoveKind, Step, VersionPin
from engine.service.job_news import JobNews, JobReceiver, JobSender
from engine.service.wire import Frame, Kind, pack, unpack
from engine.service.wire import _frames as frames

SPEC = JobSpec(
    Address("a", "b", "k\udc80"),
    Address("c", "d", "k"),
    MoveKind.MOVE,
    100,
    VersionPin("e", 1, 100),
)


def job(number: int, done: int = 0, **changes: object) -> JobView:
    view = JobView(f"j{number}", f"key{number}", "set", SPEC, JobState.COPYING, Step.UPLOAD)
    return replace(view, bytes_done=done, **changes)  # type: ignore[arg-type]


def sent(news: JobNews) -> JobNews:
    """As it comes out of the socket."""
    frame: Frame = frames.decode(pack(Kind.STATE, 0, "", news)[4:])
    found: JobNews = unpack(frame, JobNews)
    return found


JOBS = st.lists(
    st.builds(
        job,
        st.integers(0, 6),
        st.integers(0, 3),
        rate=st.sampled_from([0.0, 1.5]),
        eta=st.sampled_from([0.0, 2.5]),
        step=st.sampled_from(Step),
        state=st.sampled_from(JobState),
        error=st.sampled_from(["", "no"]),
    ),
    max_size=7,
    unique_by=lambda view: view.job_id,
)


@given(st.lists(JOBS, max_size=6))
def test_every_list_of_jobs_arrives_as_it_is(lists: list[list[JobView]]) -> None:
    sender, receiver = JobSender(), JobReceiver()
    for jobs in lists:
        assert receiver.take(sent(sender.news(jobs))) == tuple(jobs)


def test_what_only_moves_on_is_not_told_whole() -> None:
    sender = JobSender()
    assert len(sender.news([job(1), job(2)]).whole) == 2
    news = sender.news([job(2), job(1, 5)])
    assert (news.whole, len(news.steps)) == ((), 1)
    assert sender.news([job(2), job(1, 5)]) == JobNews(news.order)
    assert len(sender.news([job(2, error="why")]).whole) == 1
    assert len(sender.news([job(2, error="why"), job(1, 5)]).whole) == 1  # it was forgotten
