"""Signed replies in a worker's memory, fetched ahead.

`signed_replies.py` does the same with dicts, and says what each method is for.
"""

import os

from cpython.object cimport PyObject

cdef extern from "places.h":
    pass

cdef extern from *:
    """
    enum { WAYS = 4, OCTETS_EACH = 512 };

    /* A cache: what finds no place takes that of another. A reply has its lowest bit set
       once it was asked for, since the hand passed that goes round and takes away. */
    struct set {
        uint64_t tags[WAYS];
        uintptr_t replies[WAYS];
    };

    struct cache {
        struct set *sets;
        uint64_t count;
        uint64_t secret[2];
        size_t room, used;
        uint64_t entries, hand;
    };

    static PyObject *reply_at(const struct set *set, int way) {
        return (PyObject *)(set->replies[way] & ~(uintptr_t)1);
    }

    static void cache_remove(struct cache *all, struct set *set, int way) {
        PyObject *reply = reply_at(set, way);
        all->used -= Py_SIZE(reply) + sizeof(PyBytesObject);
        all->entries--;
        set->replies[way] = 0;
        Py_DECREF(reply);
    }

    static void cache_clear(struct cache *all) {
        if (all == NULL) return;
        for (uint64_t each = 0; all->entries && each < all->count; each++)
            for (int way = 0; way < WAYS; way++)
                if (all->sets[each].replies[way])
                    cache_remove(all, &all->sets[each], way);
    }

    static void cache_free(struct cache *all) {
        if (all == NULL) return;
        cache_clear(all);
        munmap(all->sets, whole_pages(all->count * sizeof *all->sets));
        free(all);
    }

    static struct cache *cache_make(size_t room, const char *secret) {
        struct cache *all = calloc(1, sizeof *all);
        if (all == NULL) return NULL;
        all->room = room;
        all->count = room / OCTETS_EACH + 1;
        memcpy(all->secret, secret, sizeof all->secret);
        all->sets = pages_make(all->count * sizeof *all->sets);
        if (all->sets) return all;
        free(all);
        return NULL;
    }

    static void cache_foresee(const struct cache *all, const unsigned char *key,
                              size_t size) {
        if (all) __builtin_prefetch(&all->sets[place_of(all->secret, all->count, key, size).at]);
    }

    /* What is in the set is likely to be what is wanted: a name has few replies. */
    static void cache_approach(const struct cache *all, const unsigned char *key,
                               size_t size) {
        if (all == NULL) return;
        struct set *set = &all->sets[place_of(all->secret, all->count, key, size).at];
        for (int way = 0; way < WAYS; way++)
            if (set->replies[way])
                for (int line = 0; line < 4; line++)
                    __builtin_prefetch((const char *)reply_at(set, way) + 64 * line);
    }

    static PyObject *cache_find(struct cache *all, const unsigned char *key, size_t size,
                                Py_hash_t beside) {
        if (all == NULL) return NULL;
        struct place wanted = place_of(all->secret, all->count, key, size);
        struct set *set = &all->sets[wanted.at];
        for (int way = 0; way < WAYS; way++)
            if (set->tags[way] == (wanted.tag ^ (uint64_t)beside) && set->replies[way]) {
                set->replies[way] |= 1;
                return reply_at(set, way);
            }
        return NULL;
    }

    static void cache_make_way(struct cache *all, size_t size) {
        while (all->entries && all->used + size > all->room) {
            struct set *set = &all->sets[all->hand];
            for (int way = 0; way < WAYS; way++)
                if (set->replies[way] & 1)
                    set->replies[way] &= ~(uintptr_t)1;
                else if (set->replies[way])
                    cache_remove(all, set, way);
            all->hand = (all->hand + 1) % all->count;
        }
    }

    /* Its own place, a free one, or that of one that nobody asked for lately. */
    static int cache_way(const struct set *set, uint64_t tag) {
        int found = tag % WAYS;
        for (int way = 0; way < WAYS; way++)
            if (!(set->replies[way] & 1)) found = way;
        for (int way = 0; way < WAYS; way++)
            if (!set->replies[way]) found = way;
        for (int way = 0; way < WAYS; way++)
            if (set->replies[way] && set->tags[way] == tag) found = way;
        return found;
    }

    static void cache_put(struct cache *all, const unsigned char *key, size_t size,
                          Py_hash_t beside, PyObject *reply) {
        if (all == NULL) return;
        size_t taken = Py_SIZE(reply) + sizeof(PyBytesObject);
        cache_make_way(all, taken);
        struct place wanted = place_of(all->secret, all->count, key, size);
        struct set *set = &all->sets[wanted.at];
        wanted.tag ^= (uint64_t)beside;
        int way = cache_way(set, wanted.tag);
        if (set->replies[way]) cache_remove(all, set, way);
        Py_INCREF(reply);
        set->tags[way] = wanted.tag;
        set->replies[way] = (uintptr_t)reply;
        all->used += taken;
        all->entries++;
    }

    static uint64_t cache_entries(const struct cache *all) { return all ? all->entries : 0; }
    """
    struct cache:
        pass
    void cache_clear(cache *all)
    void cache_free(cache *all)
    cache *cache_make(size_t room, const char *secret)
    void cache_foresee(const cache *all, const unsigned char *key, size_t size)
    void cache_approach(const cache *all, const unsigned char *key, size_t size)
    PyObject *cache_find(cache *all, const unsigned char *key, size_t size, Py_hash_t with_)
    void cache_put(
        cache *all, const unsigned char *key, size_t size, Py_hash_t with_, PyObject *reply
    )
    unsigned long long cache_entries(const cache *all)


cdef class SignedReplies:
    def __cinit__(self, size_t room):
        self._cache = cache_make(room, os.urandom(16))

    def __dealloc__(self):
        cache_free(<cache *>self._cache)

    def __len__(self):
        return cache_entries(<cache *>self._cache)

    cpdef clear(self):
        cache_clear(<cache *>self._cache)

    cpdef foresee(self, const unsigned char *key, Py_ssize_t size):
        cache_foresee(<cache *>self._cache, key, <size_t>size)

    cpdef approach(self, const unsigned char *key, Py_ssize_t size):
        cache_approach(<cache *>self._cache, key, <size_t>size)

    cpdef bytes find(self, const unsigned char *key, Py_ssize_t size, bytes beside):
        cdef PyObject *found = cache_find(
            <cache *>self._cache, key, <size_t>size, hash(beside)
        )
        return None if found == NULL else <bytes>found

    cpdef put(
        self, const unsigned char *key, Py_ssize_t size, bytes beside, bytes reply
    ):
        cache_put(
            <cache *>self._cache, key, <size_t>size, hash(beside), <PyObject *>reply
        )
