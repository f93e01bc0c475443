import threading

from torch.distributed import TCPStore

from lightning_cgan.runs.mistake_notice import MistakeNotice, MistakeWatch


def test_the_first_of_several_processes_claims_a_mistake_and_all_know_when_it_is_posted():
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    first, second = (MistakeNotice(("127.0.0.1", store.port)) for _ in range(2))
    assert [first.claim(), second.claim()] == [True, False]
    assert not second.is_posted()
    first.post()
    assert second.is_posted()


def test_a_process_that_waits_is_told_to_leave_once_a_mistake_is_posted():
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    left = threading.Event()
    with MistakeWatch(("127.0.0.1", store.port), left.set):
        MistakeNotice(("127.0.0.1", store.port)).post()
        assert left.wait(30)


def test_where_no_store_answers_a_mistake_is_neither_claimed_nor_posted():
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    port = store.port
    del store
    notice = MistakeNotice(("127.0.0.1", port))
    assert (notice.claim(), notice.is_posted()) == (False, False)
    notice.leave(2)
