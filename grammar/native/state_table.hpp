// A table that grows without moving what it holds, so that a slot may be read while others are added.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "errors.hpp"

namespace latticework {

// Chunk k holds twice as many slots as chunk k - 1. Owns what the slots point to.
template <typename Value>
class StateTable {
public:
    StateTable() = default;
    StateTable(const StateTable&) = delete;
    StateTable& operator=(const StateTable&) = delete;
    ~StateTable() {
        for (int32_t id = 0; id < size_; ++id) delete get(id);
    }

    int32_t size() const { return size_; }  // dropped slots included

    Value* get(int32_t id) const {  // null for an id that was never given or was dropped
        if (id < 0) return nullptr;
        Place place = place_of(id);
        if (place.chunk >= kChunks) return nullptr;
        std::atomic<Value*>* slots = chunks_[place.chunk].load(std::memory_order_acquire);
        return slots == nullptr ? nullptr : slots[place.offset].load(std::memory_order_acquire);
    }

    int32_t add(std::unique_ptr<Value> value) {
        Place place = place_of(size_);
        if (place.chunk >= kChunks) throw LimitReached("states", 1L << 29, "the automaton has too many states");
        if (owners_[place.chunk] == nullptr) {
            owners_[place.chunk] = std::make_unique<std::atomic<Value*>[]>(place.size);
            chunks_[place.chunk].store(owners_[place.chunk].get(), std::memory_order_release);
            bytes_ += place.size * sizeof(Value*);
        }
        owners_[place.chunk][place.offset].store(value.release(), std::memory_order_release);
        return size_++;
    }

    void drop(int32_t id) {
        Place place = place_of(id);
        delete owners_[place.chunk][place.offset].exchange(nullptr);
    }

    size_t memory() const { return bytes_; }

private:
    static constexpr int kChunks = 24;
    static constexpr uint32_t kFirst = 64;  // slots of the first chunk

    struct Place {
        int chunk;
        size_t size, offset;
    };

    static Place place_of(int32_t id) {
        uint32_t at = static_cast<uint32_t>(id) + kFirst;
        int chunk = std::bit_width(at) - std::bit_width(kFirst);
        size_t size = static_cast<size_t>(kFirst) << chunk;
        return {chunk, size, at - size};
    }

    std::array<std::atomic<std::atomic<Value*>*>, kChunks> chunks_{};
    std::array<std::unique_ptr<std::atomic<Value*>[]>, kChunks> owners_;
    int32_t size_ = 0;
    size_t bytes_ = 0;
};

}  // namespace latticework
