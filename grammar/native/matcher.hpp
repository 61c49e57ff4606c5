// Where one sequence stands in a grammar: the states it went through, and nothing else.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "automaton.hpp"

namespace latticework {

class Matcher {
public:
    explicit Matcher(std::shared_ptr<Automaton> automaton);
    Matcher(const Matcher& other);  // an independent copy
    Matcher& operator=(const Matcher&) = delete;
    ~Matcher();

    const std::shared_ptr<Automaton>& automaton() const { return automaton_; }
    StateId state() const;
    std::vector<TokenId> tokens() const;
    // For the automaton, while it drops states and nothing moves.
    const std::vector<StateId>& states() const { return states_; }
    const std::vector<StateId>& peeked() const { return peeked_; }
    bool is_accepting() const { return automaton_->is_accepting(state()); }
    bool is_terminated() const { return state() == Automaton::kTerminated; }

    void accept(TokenId token);  // throws Rejected and changes nothing
    size_t validate(std::span<const TokenId> tokens) const;
    // The state behind a token, which need not be the next one; it is not dropped before this matcher moves.
    StateId peek(StateId from, TokenId token);
    void rollback(size_t count);  // throws std::invalid_argument past the start
    void reset();

private:
    void truncate(size_t length);

    std::shared_ptr<Automaton> automaton_;
    mutable std::mutex mutex_;     // a matcher belongs to one sequence, but two threads must not break the process
    std::vector<StateId> states_;  // the start, then one per token
    std::vector<TokenId> tokens_;
    std::vector<StateId> peeked_;  // since it last moved
};

}  // namespace latticework
