// The byte budget of an automaton: what is dropped when it is full, and what never is.
//
// First everything that can be computed again goes: masks, transitions, memo tables. If the states themselves are too
// many, those that no live matcher holds go too; their integers are never given to another state.

#include <algorithm>

#include "automaton.hpp"
#include "matcher.hpp"

namespace latticework {

size_t Automaton::memory() const {
    return bytes_ + configs_.memory() + closure_bytes_ + exit_bytes_ + config_index_.bytes() + stacks_.memory() +
           frames_->memory() + program_->memory() + lexemes_->memory() + reaches_->memory() +
           token_steps_.size() * sizeof(TokenSteps) +
           (ways_.size() + weights_.size() + rows_.size() + fewest_in_.size()) * 48;
}

void Automaton::collect_if_needed(std::span<const StateId> in_use) {
    if (all_bytes_.load(std::memory_order_relaxed) <= collect_above_.load(std::memory_order_relaxed)) return;
    std::unique_lock gc(gc_);
    std::lock_guard lock(lexer_->mutex);
    if (memory() > collect_above_) collect(in_use);
}

void Automaton::collect(std::span<const StateId> in_use) {
    ++collections_;
    drop_derived();
    if (memory() > limits_.grammar_bytes / 2) drop_states(in_use);
    if (lexer_->memory() > limits_.lexer_bytes) lexer_->drop_masks();
    all_bytes_ = memory();
    // What live matchers hold stays, however much it is; do not try again before it has grown by half.
    collect_above_ = std::max(limits_.grammar_bytes, all_bytes_ + all_bytes_ / 2);
}

void Automaton::drop_derived() {
    for (StateId id = 0; id < configs_.size(); ++id) {
        Config* config = configs_.get(id);
        if (config == nullptr) continue;
        if (const Table* table = config->table.exchange(nullptr)) {
            bytes_ -= sizeof(Table);
            delete table;
        }
        if (const Mask* mask = config->mask.exchange(nullptr)) {
            bytes_ -= mask->bytes;
            delete mask;
        }
        for (auto& slot : config->few) slot = 0;
        config->after_token = kUnknown;
    }
    masks_ = 0;
    closures_.clear();
    for (auto& plans : plans_) plans.clear();
    exit_tokens_.clear();
    following_.clear();
    cuts_.clear();
    reaches_->clear();
    masks_below_.clear();
    closure_bytes_ = 0;
    exit_bytes_ = 0;
    rows_.clear();
    token_steps_.clear();
    fewest_in_.clear();
}

std::vector<StateId> Automaton::pinned_states() {
    std::vector<StateId> pinned{kTerminated, start_};
    std::lock_guard lock(matchers_mutex_);
    for (const Matcher* matcher : matchers_) {
        pinned.insert(pinned.end(), matcher->states().begin(), matcher->states().end());
        pinned.insert(pinned.end(), matcher->peeked().begin(), matcher->peeked().end());
    }
    return pinned;
}

// What a state was told about the end of its text stays true.
void Automaton::keep_ways(std::vector<bool>& keep) const {
    std::vector<StateId> held;
    for (StateId state = 0; state < configs_.size(); ++state) {
        if (keep[state]) held.push_back(state);
    }
    for (StateId state : held) {
        for (auto way = ways_.find(state); way != ways_.end(); way = ways_.find(state)) {
            state = way->second.next;
            if (keep[state]) break;  // one of those held, or on the way of one
            keep[state] = true;
        }
    }
}

void Automaton::drop_states(std::span<const StateId> in_use) {
    std::vector<bool> keep(static_cast<size_t>(configs_.size()));
    for (StateId state : pinned_states()) keep[state] = true;
    for (StateId state : in_use) {
        if (state >= 0 && state < configs_.size()) keep[state] = true;
    }
    keep_ways(keep);
    std::vector<bool> stacks, positions;
    for (StateId id = 0; id < configs_.size(); ++id) {
        Config* config = configs_.get(id);
        if (config == nullptr) continue;
        if (keep[id]) {
            for (const Item& item : config->items) stacks_.mark(item.stacks, stacks, positions);
            continue;
        }
        bytes_ -= config->own_bytes();
        --live_states_;
        configs_.drop(id);
    }
    std::erase_if(ways_, [&](const auto& way) { return !keep[way.first]; });
    weights_.clear();
    stacks_.retain(stacks);
    frames_->retain(positions);
    config_index_.clear();
    for (StateId id = 1; id < configs_.size(); ++id) {
        if (const Config* config = configs_.get(id)) config_index_.insert(hash_of(*config), id);
    }
}

}  // namespace latticework
