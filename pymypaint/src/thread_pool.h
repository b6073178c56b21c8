// A few threads that share one loop at a time.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pymypaint {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the caller of `run` is one of them
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls body(i) once for each i in [0, count), in any order, and returns when all have returned. Rethrows
  // one of the exceptions that body threw. One `run` at a time.
  void run(int count, const std::function<void(int)>& body);

  // Threads do not survive a fork: a pool may only be used by the process that made it.
  bool belongs_to_this_process() const;

 private:
  void work();
  void take_shares();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_, done_;
  const std::function<void(int)>* body_ = nullptr;
  std::atomic<int> next_{0};
  int count_ = 0;
  int busy_ = 0;
  std::exception_ptr error_;
  unsigned long generation_ = 0;
  bool stop_ = false;
  pid_t owner_;
};

}  // namespace pymypaint
