#include "matcher.hpp"

#include <mutex>
#include <stdexcept>

#include "errors.hpp"

namespace latticework {

Matcher::Matcher(std::shared_ptr<Automaton> automaton)
    : automaton_(std::move(automaton)), states_{automaton_->start()} {
    automaton_->add(this);
}

Matcher::Matcher(const Matcher& other) : automaton_(other.automaton_), states_(other.states_), tokens_(other.tokens_) {
    automaton_->add(this);
}

Matcher::~Matcher() { automaton_->remove(this); }

void Matcher::accept(TokenId token) {
    StateId next = automaton_->step_pinned(state(), token, [&](StateId reached) {
        if (reached == Automaton::kDead) return;
        states_.push_back(reached);
        tokens_.push_back(token);
    });
    if (next == Automaton::kDead) {
        throw Rejected(token, automaton_->vocabulary()->given_bytes(token), static_cast<long>(tokens_.size()));
    }
}

size_t Matcher::validate(std::span<const TokenId> tokens) const { return automaton_->validate(state(), tokens); }

void Matcher::rollback(size_t count) {
    if (count > tokens_.size()) {
        throw std::invalid_argument("rollback of " + std::to_string(count) + " tokens, but only " +
                                    std::to_string(tokens_.size()) + " were accepted");
    }
    automaton_->change_matcher([&] {
        states_.resize(states_.size() - count);
        tokens_.resize(tokens_.size() - count);
    });
}

void Matcher::reset() { rollback(tokens_.size()); }

}  // namespace latticework
