#include "matcher.hpp"

#include <mutex>
#include <stdexcept>

#include "errors.hpp"

namespace latticework {

Matcher::Matcher(std::shared_ptr<Automaton> automaton)
    : automaton_(std::move(automaton)), states_{automaton_->start()} {
    automaton_->add(this);
}

Matcher::Matcher(const Matcher& other) : automaton_(other.automaton_) {
    std::lock_guard lock(other.mutex_);
    states_ = other.states_;
    tokens_ = other.tokens_;
    automaton_->add(this);  // while the other still holds the states
}

Matcher::~Matcher() { automaton_->remove(this); }

StateId Matcher::state() const {
    std::lock_guard lock(mutex_);
    return states_.back();
}

std::vector<TokenId> Matcher::tokens() const {
    std::lock_guard lock(mutex_);
    return tokens_;
}

void Matcher::accept(TokenId token) {
    std::lock_guard lock(mutex_);
    StateId next = automaton_->step_pinned(states_.back(), token, [&](StateId reached) {
        if (reached == Automaton::kDead) return;
        states_.push_back(reached);
        tokens_.push_back(token);
        peeked_.clear();
    });
    if (next == Automaton::kDead) {
        throw Rejected(token, automaton_->vocabulary()->given_bytes(token), static_cast<long>(tokens_.size()));
    }
}

StateId Matcher::peek(StateId from, TokenId token) {
    std::lock_guard lock(mutex_);
    return automaton_->step_pinned(from, token, [&](StateId reached) {
        if (reached != Automaton::kDead) peeked_.push_back(reached);
    });
}

size_t Matcher::validate(std::span<const TokenId> tokens) const { return automaton_->validate(state(), tokens); }

void Matcher::rollback(size_t count) {
    std::lock_guard lock(mutex_);
    if (count > tokens_.size()) {
        throw std::invalid_argument("rollback of " + std::to_string(count) + " tokens, but only " +
                                    std::to_string(tokens_.size()) + " were accepted");
    }
    truncate(tokens_.size() - count);
}

void Matcher::reset() {
    std::lock_guard lock(mutex_);
    truncate(0);
}

void Matcher::truncate(size_t length) {
    automaton_->change_matcher([&] {
        states_.resize(length + 1);
        tokens_.resize(length);
        peeked_.clear();
    });
}

}  // namespace latticework
