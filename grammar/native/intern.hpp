// Hash-consing: an index from hashes to ids, and the hash that every interned value uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace latticework {

inline uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9E3779B97F4A7C15ULL + (hash << 6) + (hash >> 2);
    hash *= 0xFF51AFD7ED558CCDULL;
    return hash ^ (hash >> 32);
}

// Open addressing with linear probing. The values live with the caller; equality of a candidate is the caller's.
class HashIndex {
public:
    template <typename Equal>
    int32_t find(uint64_t hash, Equal equal) const {
        if (slots_.empty()) return -1;
        for (size_t at = hash & mask(); slots_[at].id >= 0; at = (at + 1) & mask()) {
            if (slots_[at].hash == static_cast<uint32_t>(hash >> 32) && equal(slots_[at].id)) return slots_[at].id;
        }
        return -1;
    }

    void insert(uint64_t hash, int32_t id) {
        if ((count_ + 1) * 2 > slots_.size()) grow();
        place(Slot{static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(hash), id});
        ++count_;
    }

    void clear() {
        slots_.clear();
        slots_.shrink_to_fit();
        count_ = 0;
    }

    size_t bytes() const { return slots_.size() * sizeof(Slot); }

private:
    struct Slot {
        uint32_t hash = 0;  // the high half, compared; the low half places the slot
        uint32_t low = 0;
        int32_t id = -1;
    };

    size_t mask() const { return slots_.size() - 1; }

    void place(Slot slot) {
        size_t at = slot.low & mask();
        while (slots_[at].id >= 0) at = (at + 1) & mask();
        slots_[at] = slot;
    }

    void grow() {
        std::vector<Slot> old;
        old.swap(slots_);
        slots_.resize(old.empty() ? 64 : old.size() * 2);
        for (const Slot& slot : old) {
            if (slot.id >= 0) place(slot);
        }
    }

    std::vector<Slot> slots_;
    size_t count_ = 0;
};

}  // namespace latticework
