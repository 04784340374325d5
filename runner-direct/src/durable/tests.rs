use super::*;
use dataflow_checkpoint::{Listed, Store};
use std::sync::{Mutex, PoisonError};

/// Files in memory, some of whose writes get no answer.
#[derive(Default)]
struct Flaky {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The next so many writes are lost, and after them so many are done but not answered.
    fails: Mutex<(u32, u32)>,
}

impl Store for Flaky {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        let mut fails = self.fails.lock().unwrap_or_else(PoisonError::into_inner);
        let no_answer = || Error::io("the store does not answer", "time-out");
        if fails.0 > 0 {
            fails.0 -= 1;
            return Err(no_answer());
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.contains_key(name) {
            return Ok(Created::Exists);
        }
        files.insert(name.to_owned(), bytes.to_vec());
        if fails.1 > 0 {
            fails.1 -= 1;
            return Err(no_answer());
        }
        Ok(Created::Written)
    }

    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let below = files.iter().filter(|(name, _)| name.starts_with(&format!("{folder}/")));
        let listed = |(name, bytes): (&String, &Vec<u8>)| Listed {
            name: name.clone(),
            bytes: bytes.len() as u64,
            modified: SystemTime::now(),
        };
        Ok(below.map(listed).collect())
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    fn delete_remains(&self, _: SystemTime) -> Result<usize> {
        Ok(0)
    }

    fn path(&self, name: &str) -> String {
        format!("memory/{name}")
    }
}

/// A process that has taken over, and the state it goes on from.
fn process(store: &Arc<Flaky>) -> Option<(Durable, Option<Vec<u8>>)> {
    let attempt = AttemptId::random();
    let checkpoints = Checkpoints::new(store.clone(), attempt);
    let control = Arc::new(Control::default());
    let (mut durable, found) =
        Durable::with(checkpoints, attempt, State::default(), &PipelineOptions::default(), control).unwrap();
    let resumed = durable.run(&found).resumed;
    let bytes = match durable.take_over(found).unwrap() {
        TakenOver::Finished => return None,
        TakenOver::Fresh => None,
        TakenOver::State(bytes) => Some(bytes),
    };
    assert_eq!(resumed, bytes.is_some());
    Some((durable, bytes))
}

/// A process that has looked, but not yet taken over.
fn looking(store: &Arc<Flaky>) -> (Durable, Found) {
    let attempt = AttemptId::random();
    let checkpoints = Checkpoints::new(store.clone(), attempt);
    Durable::with(checkpoints, attempt, State::default(), &PipelineOptions::default(), Arc::default()).unwrap()
}

#[test]
fn who_is_slow_to_take_over_goes_on_from_what_has_come_meanwhile() {
    let store = Arc::new(Flaky::default());
    let (mut first, _) = process(&store).unwrap();
    first.checkpoint(b"old").unwrap();
    let (mut slow, found) = looking(&store);
    first.checkpoint(b"new").unwrap();
    assert_eq!(slow.take_over(found).unwrap(), TakenOver::State(b"new".to_vec()));
}

#[test]
fn of_two_processes_that_begin_at_once_the_slow_one_ends() {
    let store = Arc::new(Flaky::default());
    let (mut slow, found) = looking(&store);
    let (mut first, _) = process(&store).unwrap();
    let error = slow.take_over(found).unwrap_err();
    assert!(error.to_string().contains("at the same moment"), "{error}");
    first.checkpoint(b"first").unwrap();
}

#[test]
fn state_comes_back_in_the_next_process_whether_it_is_small_or_large() {
    let store = Arc::new(Flaky::default());
    let (mut first, none) = process(&store).unwrap();
    assert_eq!(none, None);
    for size in [10, 100_000] {
        first.checkpoint(&vec![7; size]).unwrap();
        let (next, bytes) = process(&store).unwrap();
        assert_eq!(bytes, Some(vec![7; size]));
        first = next;
    }
}

#[test]
fn a_store_that_does_not_answer_is_asked_again_and_nothing_is_there_twice() {
    let store = Arc::new(Flaky::default());
    let (mut durable, _) = process(&store).unwrap();
    for fails in [(1, 0), (0, 1), (1, 1)] {
        *store.fails.lock().unwrap() = fails;
        durable.checkpoint(b"state").unwrap();
    }
    assert_eq!(store.list("manifests").unwrap().len(), 4, "one to take over, and one for each checkpoint");
}

#[test]
fn a_store_that_refuses_for_another_reason_is_not_asked_again() {
    let control = Control::default();
    let mut asked = 0;
    let result: Result<()> = retry(&control, || {
        asked += 1;
        Err(Error::data("corrupt"))
    });
    assert!(result.is_err());
    assert_eq!(asked, 1);
}

#[test]
fn who_has_lost_the_checkpoints_is_told_so() {
    let store = Arc::new(Flaky::default());
    let (mut first, _) = process(&store).unwrap();
    let (mut second, _) = process(&store).unwrap();
    let error = first.checkpoint(b"first").unwrap_err();
    assert!(error.to_string().contains("another process has taken over"), "{error}");
    let error = first.explain(Error::data("a file is gone"));
    assert!(error.to_string().contains("another process has taken over"), "{error}");
    let error = second.explain(Error::data("a file is gone"));
    assert!(error.to_string().contains("a file is gone"), "{error}");
    second.checkpoint(b"second").unwrap();
    assert_eq!(process(&store).unwrap().1.as_deref(), Some(&b"second"[..]));
}

#[test]
fn what_has_come_to_its_end_is_not_taken_over() {
    let store = Arc::new(Flaky::default());
    let (mut durable, _) = process(&store).unwrap();
    durable.checkpoint(b"state").unwrap();
    durable.finish().unwrap();
    let files = store.files.lock().unwrap().clone();
    assert!(process(&store).is_none());
    assert_eq!(*store.files.lock().unwrap(), files);
}
