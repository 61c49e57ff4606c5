// What may follow a lexeme within a frame, found once for the frame and not for all that it stands on.
//
// In nested text each depth has states of its own, but a token rarely reaches further than the frame on top: behind an
// operator an operand comes, whatever encloses the expression. So the tokens that go on behind a lexeme are found with
// a bottom in place of what the frame stands on. Where the frame may end within a token the walk stops, and goes on
// from the stacks that are really there.

#include <algorithm>

#include "automaton.hpp"

namespace latticework {

// The tokens that leave a lexeme and go on with what the stacks say.
void Automaton::leave(const std::shared_ptr<const LexMask>& lex, StackId stacks, Tokens& out) {
    const Fragment& follow = closure(stacks);
    if (follow.reaches_bottom) {
        out.endings.push_back({nullptr, 0, lex, stacks});
    } else if (!leave_frame(lex, stacks, out)) {
        const std::shared_ptr<const Tokens> tokens = exit_tokens(lex, state_of(follow));
        out.share(tokens);
        out.endings.insert(out.endings.end(), tokens->endings.begin(), tokens->endings.end());
    }
}

// False where the stacks end in no frame that is there to stay.
bool Automaton::leave_frame(const std::shared_ptr<const LexMask>& lex, StackId stacks, Tokens& out) {
    if (program_->terminals().empty() || !lexemes_->keeps_apart()) return false;
    Bottoms bottoms;
    StackId above = cut(stacks, bottoms);
    if (above == stacks) return false;
    const std::shared_ptr<const Tokens> tokens = exit_tokens(lex, state_of(closure(above)));
    out.share(tokens);
    go_on(tokens->endings, bottoms.below, out);
    return true;
}

// The stacks down to the first frames that are not complete, and a bottom below each of these.
StackId Automaton::cut(StackId stacks, Bottoms& bottoms) {
    if (auto found = bottoms.known.find(stacks); found != bottoms.known.end()) return found->second;
    StackId result = stacks_.has_empty(stacks) ? StackSets::kOnlyEmpty : StackSets::kNone;
    std::span<const StackTop> span = stacks_.tops(stacks);
    for (const StackTop& top : std::vector<StackTop>(span.begin(), span.end())) {
        StackId below = top.below;
        if (frames_->is_guard(top.pos) || (!frames_->is_bottom(top.pos) && frames_->pops(top.pos))) {
            below = cut(below, bottoms);
        } else if (!frames_->is_bottom(top.pos)) {
            auto found = std::ranges::find(bottoms.below, below);
            auto index = static_cast<int32_t>(found - bottoms.below.begin());
            if (found == bottoms.below.end()) bottoms.below.push_back(below);
            below = stacks_.push(frames_->bottom(index), StackSets::kNone);
        }
        result = stacks_.unite(result, stacks_.push(top.pos, below));
    }
    bottoms.known.emplace(stacks, result);
    return result;
}

// From the stacks that are really there. Many endings have the same.
void Automaton::go_on(const std::vector<Ending>& endings, const std::vector<StackId>& below, Tokens& out) {
    std::unordered_map<StackId, StackId> known;
    StackId last = StackSets::kNone, stacks = StackSets::kNone;
    StateId state = kDead;
    bool at_bottom = false;
    for (const Ending& ending : endings) {
        if (ending.stacks != last) {
            last = ending.stacks;
            stacks = put_below(last, below, known);
            const Fragment& follow = closure(stacks);
            at_bottom = follow.reaches_bottom;
            state = at_bottom ? kDead : state_of(follow);
        }
        if (ending.lex != nullptr) {
            leave(ending.lex, stacks, out);
        } else if (at_bottom) {
            out.endings.push_back({ending.trie, ending.node, nullptr, stacks});
        } else if (state != kDead) {
            tokens_below(*ending.trie, ending.node, state, out);
        }
    }
}

// The stacks with what is really there in place of the bottoms.
StackId Automaton::put_below(StackId stacks, const std::vector<StackId>& below,
                             std::unordered_map<StackId, StackId>& known) {
    if (auto found = known.find(stacks); found != known.end()) return found->second;
    StackId result = stacks_.has_empty(stacks) ? StackSets::kOnlyEmpty : StackSets::kNone;
    std::span<const StackTop> span = stacks_.tops(stacks);
    for (const StackTop& top : std::vector<StackTop>(span.begin(), span.end())) {
        StackId put = frames_->is_bottom(top.pos) ? below[frames_->index_of_bottom(top.pos)]
                                                  : stacks_.push(top.pos, put_below(top.below, below, known));
        result = stacks_.unite(result, put);
    }
    known.emplace(stacks, result);
    return result;
}

}  // namespace latticework
