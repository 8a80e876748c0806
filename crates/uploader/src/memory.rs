use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use crate::store::check_key;
use crate::{
    ListedMultipart, ListedObject, Multipart, Object, ObjectStore, Page, Part, StoreError, StoreFuture,
};

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
    objects: BTreeMap<String, Kept>,
    uploads: BTreeMap<String, Upload>,
    next_upload: u64,
    used: usize,
}

/// An object, and since when.
#[derive(Debug)]
struct Kept {
    object: Object,
    modified: SystemTime,
}

/// An object that comes in parts.
#[derive(Debug)]
struct Upload {
    key: String,
    begun: SystemTime,
    content_type: &'static str,
    parts: BTreeMap<u32, Bytes>,
}

impl MemoryStore {
    /// A store of at most `capacity` bytes: keys, data and 256 bytes for each object.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, contents: Mutex::default() }
    }

    /// The object of that key.
    pub fn get(&self, key: &str) -> Option<Object> {
        self.contents().objects.get(key).map(|kept| kept.object.clone())
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
        let replaced = contents.objects.get(&object.key).map_or(0, |kept| cost(&kept.object));
        let used = contents.used - replaced;
        let size = cost(object);
        if size > self.capacity - used {
            return Err(StoreError::Full { size, used, capacity: self.capacity });
        }
        let kept = Kept { object: object.clone(), modified: SystemTime::now() };
        contents.objects.insert(object.key.clone(), kept);
        contents.used = used + size;
        Ok(())
    }

    fn remove(&self, key: &str) {
        let mut contents = self.contents();
        if let Some(removed) = contents.objects.remove(key) {
            contents.used -= cost(&removed.object);
        }
    }

    fn begin(&self, key: &str, content_type: &'static str) -> Result<String, StoreError> {
        check_key(key)?;
        let mut contents = self.contents();
        let id = contents.next_upload.to_string();
        contents.next_upload += 1;
        let (key, begun) = (key.to_owned(), SystemTime::now());
        contents.uploads.insert(id.clone(), Upload { key, begun, content_type, parts: BTreeMap::new() });
        Ok(id)
    }

    /// Adds a part. Parts may fill three quarters of the store: what is small and live has the rest.
    fn insert_part(&self, id: &str, number: u32, data: &Bytes) -> Result<String, StoreError> {
        let mut contents = self.contents();
        let upload = contents.uploads.get(id).ok_or(StoreError::NotFound)?;
        let used = contents.used - upload.parts.get(&number).map_or(0, Bytes::len);
        let (size, capacity) = (data.len(), self.capacity / 4 * 3);
        if size > capacity.saturating_sub(used) {
            return Err(StoreError::Full { size, used, capacity });
        }
        contents.used = used + size;
        if let Some(upload) = contents.uploads.get_mut(id) {
            upload.parts.insert(number, data.clone());
        }
        Ok(number.to_string())
    }

    fn complete(&self, upload: &Multipart, parts: &[Part]) -> Result<(), StoreError> {
        let mut numbers: Vec<_> = parts.iter().map(|part| part.number).collect();
        numbers.sort_unstable();
        let taken = self.take_upload(&upload.upload_id).ok_or(StoreError::NotFound)?;
        let data: Vec<&[u8]> =
            numbers.iter().filter_map(|n| taken.parts.get(n)).map(|part| &part[..]).collect();
        self.insert(&Object {
            key: upload.key.clone(),
            data: data.concat().into(),
            content_type: taken.content_type,
            cache_control: "no-cache",
        })
    }

    /// Removes an upload and its parts.
    fn take_upload(&self, id: &str) -> Option<Upload> {
        let mut contents = self.contents();
        let upload = contents.uploads.remove(id)?;
        contents.used -= upload.parts.values().map(Bytes::len).sum::<usize>();
        Some(upload)
    }

    /// Everything fits on a page.
    fn listed(&self, prefix: &str) -> Vec<ListedObject> {
        let contents = self.contents();
        let beginning = contents.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        beginning
            .map(|(key, kept)| ListedObject {
                key: key.clone(),
                size: kept.object.data.len() as u64,
                modified: kept.modified,
            })
            .collect()
    }

    fn listed_multiparts(&self, prefix: &str) -> Vec<ListedMultipart> {
        let contents = self.contents();
        let beginning = contents.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix));
        beginning
            .map(|(id, upload)| ListedMultipart {
                multipart: Multipart { key: upload.key.clone(), upload_id: id.clone() },
                begun: upload.begun,
            })
            .collect()
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

    fn list<'a>(&'a self, prefix: &'a str, _page: Option<&'a str>) -> StoreFuture<'a, Page<ListedObject>> {
        Box::pin(async move { Ok(Page { items: self.listed(prefix), next: None }) })
    }

    fn list_multiparts<'a>(
        &'a self,
        prefix: &'a str,
        _page: Option<&'a str>,
    ) -> StoreFuture<'a, Page<ListedMultipart>> {
        Box::pin(async move { Ok(Page { items: self.listed_multiparts(prefix), next: None }) })
    }

    fn create_multipart<'a>(&'a self, key: &'a str, content_type: &'static str) -> StoreFuture<'a, String> {
        Box::pin(async move { self.begin(key, content_type) })
    }

    fn put_part<'a>(
        &'a self,
        upload: &'a Multipart,
        number: u32,
        data: &'a Bytes,
    ) -> StoreFuture<'a, String> {
        Box::pin(async move { self.insert_part(&upload.upload_id, number, data) })
    }

    fn complete_multipart<'a>(&'a self, upload: &'a Multipart, parts: &'a [Part]) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.complete(upload, parts) })
    }

    fn abort_multipart<'a>(&'a self, upload: &'a Multipart) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.take_upload(&upload.upload_id);
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
        let listed = store.list("a/", None).await.unwrap().items;
        assert_eq!(listed.iter().map(|l| (&*l.key, l.size)).collect::<Vec<_>>(), [("a/b.ts", 3)]);
        assert_eq!(store.list("b", None).await, Ok(Page::default()));
        store.delete("a/b.ts").await.unwrap();
        store.delete("a/b.ts").await.unwrap();
        assert_eq!(store.get("a/b.ts").await, Err(StoreError::NotFound));
        assert_eq!(store.put(&object("../a", 1)).await, Err(StoreError::InvalidKey));
        assert_eq!((memory.used(), memory.is_empty()), (0, true));
    }

    #[tokio::test]
    async fn parts_in_any_order_become_one_object_and_leave_room_for_others() {
        let memory = MemoryStore::new(4_000);
        let store: &dyn ObjectStore = &memory;
        let upload_id = store.create_multipart("r.mp4", "video/mp4").await.unwrap();
        let upload = Multipart { key: "r.mp4".into(), upload_id };
        let mut parts = Vec::new();
        for (number, data) in [(9, "second"), (3, "first ")] {
            let etag = store.put_part(&upload, number, &Bytes::from_static(data.as_bytes())).await.unwrap();
            parts.push(Part { number, etag });
        }
        let large = Bytes::from(vec![0; 3_000]);
        assert!(matches!(store.put_part(&upload, 10, &large).await, Err(StoreError::Full { .. })));
        store.complete_multipart(&upload, &parts).await.unwrap();
        assert_eq!(store.get("r.mp4").await.unwrap(), "first second");
        store.delete("r.mp4").await.unwrap();
        let upload_id = store.create_multipart("s.mp4", "video/mp4").await.unwrap();
        let upload = Multipart { key: "s.mp4".into(), upload_id };
        store.put_part(&upload, 1, &Bytes::from_static(b"lost")).await.unwrap();
        store.abort_multipart(&upload).await.unwrap();
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
