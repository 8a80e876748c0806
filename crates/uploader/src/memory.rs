use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::store::check_key;
use crate::{Object, ObjectStore, StoreError, StoreFuture};

/// What an object costs beside its key and data, so that many empty objects are bounded as well.
const OVERHEAD: usize = 256;

/// A store in this process, bounded in bytes. A put that does not fit fails with
/// [`StoreError::Full`]; nothing is evicted, for an object that was stored may be listed somewhere.
///
/// It holds on to the [`Bytes`] it is given: a small slice of a large buffer keeps the buffer alive.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<String, Object>,
    used: usize,
}

impl MemoryStore {
    /// A store of at most `capacity` bytes: keys, data and 256 bytes for each object.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, contents: Mutex::default() }
    }

    /// The object of that key.
    pub fn get(&self, key: &str) -> Option<Object> {
        self.contents().objects.get(key).cloned()
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.contents().objects.keys().cloned().collect()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.contents().objects.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of the capacity is in use, in bytes.
    pub fn used(&self) -> usize {
        self.contents().used
    }

    fn insert(&self, object: &Object) -> Result<(), StoreError> {
        check_key(&object.key)?;
        let mut contents = self.contents();
        let replaced = contents.objects.get(&object.key).map_or(0, cost);
        let used = contents.used - replaced;
        let size = cost(object);
        if size > self.capacity - used {
            return Err(StoreError::Full { size, used, capacity: self.capacity });
        }
        contents.objects.insert(object.key.clone(), object.clone());
        contents.used = used + size;
        Ok(())
    }

    fn remove(&self, key: &str) {
        let mut contents = self.contents();
        if let Some(removed) = contents.objects.remove(key) {
            contents.used -= cost(&removed);
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // No code panics between two related changes, so a poisoned lock guards consistent contents.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore for MemoryStore {
    fn location(&self) -> String {
        format!("memory ({} MiB)", self.capacity >> 20)
    }

    fn put<'a>(&'a self, object: &'a Object) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.insert(object) })
    }

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Bytes> {
        Box::pin(async move { self.get(key).map(|object| object.data).ok_or(StoreError::NotFound) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.remove(key);
            Ok(())
        })
    }
}

fn cost(object: &Object) -> usize {
    object.key.len() + object.data.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(key: &str, size: usize) -> Object {
        Object {
            key: key.into(),
            data: vec![7; size].into(),
            content_type: "video/mp2t",
            cache_control: "no-cache",
        }
    }

    #[test]
    fn a_put_that_does_not_fit_fails_and_changes_nothing() {
        let store = MemoryStore::new(2 * (OVERHEAD + 1) + 100);
        store.insert(&object("a", 60)).unwrap();
        let error = store.insert(&object("b", 41)).unwrap_err();
        assert_eq!(error, StoreError::Full { size: 298, used: 317, capacity: 614 });
        assert_eq!(store.keys(), ["a"]);
        store.insert(&object("b", 40)).unwrap();
    }

    #[test]
    fn replacing_an_object_reuses_its_room() {
        let store = MemoryStore::new(OVERHEAD + 1 + 100);
        for size in [100, 50, 100] {
            store.insert(&object("a", size)).unwrap();
            assert_eq!(store.get("a").unwrap().data.len(), size);
        }
    }

    #[tokio::test]
    async fn as_a_trait_object_it_puts_gets_and_deletes() {
        let memory = MemoryStore::new(1 << 20);
        let store: &dyn ObjectStore = &memory;
        store.put(&object("a/b.ts", 3)).await.unwrap();
        assert_eq!(store.get("a/b.ts").await.unwrap(), Bytes::from_static(&[7; 3]));
        store.delete("a/b.ts").await.unwrap();
        store.delete("a/b.ts").await.unwrap();
        assert_eq!(store.get("a/b.ts").await, Err(StoreError::NotFound));
        assert_eq!(store.put(&object("../a", 1)).await, Err(StoreError::InvalidKey));
        assert_eq!((memory.used(), memory.is_empty()), (0, true));
    }

    proptest! {
        #[test]
        fn used_is_the_sum_of_what_is_there_and_never_above_the_capacity(
            steps in prop::collection::vec((0..6_u8, prop::option::of(0..900_usize)), 0..200),
        ) {
            let store = MemoryStore::new(3_000);
            for (name, size) in steps {
                let key = name.to_string();
                match size {
                    Some(size) => drop(store.insert(&object(&key, size))),
                    None => store.remove(&key),
                }
                let sum: usize = store.keys().iter().map(|key| cost(&store.get(key).unwrap())).sum();
                prop_assert_eq!(store.used(), sum);
                prop_assert!(sum <= 3_000);
            }
        }
    }
}
