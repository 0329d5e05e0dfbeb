"""Lines as programs print them: which of them somebody looking for errors wants to stop at."""

ERRORS = r"""
OSError: [Errno 28] No space left on device
IOError: [Errno 2] No such file or directory: 'x'
EOFError
ValueError: bad
KeyError: 'name'
E   AssertionError: assert 1 == 2
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443)
urllib3.exceptions.MaxRetryError: HTTPSConnectionPool
subprocess.CalledProcessError: Command 'false' returned non-zero exit status 1.
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB
Traceback (most recent call last):
During handling of the above exception, another exception occurred:
Caused by: java.io.IOException: Broken pipe
Caused by: com.example.Thing
java.sql.SQLException: bad
Exception in thread "main" java.lang.NullPointerException
java.lang.OutOfMemoryError: Java heap space
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin
[INFO] BUILD FAILURE
FAILURE: Build failed with an exception.
npm ERR! code ELIFECYCLE
npm ERR! errno 1
npm error code E404
yarn error An unexpected error occurred: "x".
not ok 3 - reads the file
    not ok 1 nested
TypeError: Cannot read properties of undefined (reading 'x')
UnhandledPromiseRejection: This error originated either by throwing
Uncaught ReferenceError: x is not defined
error: test failed, to rerun pass `--lib`
error[E0308]: mismatched types
error: could not compile `x` (bin "x") due to 1 previous error
thread 'main' panicked at src/main.rs:3:5:
panic: runtime error: index out of range [3] with length 3
fatal error: all goroutines are asleep - deadlock!
--- FAIL: TestThing (0.00s)
FAIL	example.com/pkg	0.012s
FAIL
src/main.c:3:5: error: expected ';' before 'return'
src/main.c:1:10: fatal error: foo.h: No such file or directory
main.c:(.text+0x5): undefined reference to `foo'
collect2: error: ld returned 1 exit status
make: *** [Makefile:3: all] Error 2
make[1]: *** No rule to make target 'x', needed by 'y'.  Stop.
ninja: build stopped: subcommand failed.
CMake Error at CMakeLists.txt:3 (find_package):
fatal: not a git repository (or any of the parent directories): .git
ERROR: Could not find a version that satisfies the requirement x
FAILED tests/test_x.py::test_y - assert 1 == 2
tests/test_x.py::test_y FAILED                                    [ 50%]
ERROR tests/test_x.py::test_y - fixture 'z' not found
=== 1 failed, 3 passed in 0.12s ===
2 passed, 1 failed
Tests:       1 failed, 4 passed, 5 total
Tests run: 3, Failures: 1, Errors: 0, Skipped: 0
0 errors, 3 failed
Segmentation fault (core dumped)
Killed
Out of memory: Killed process 1234 (python)
bash: foo: command not found
cat: x: Permission denied
ls: cannot access 'x': No such file or directory
2026-01-01 12:00:00,123 ERROR root: boom
2026-01-01T12:00:00Z ERR request failed status=500
12:00PM ERR something broke error="connection refused"
12:00PM FTL cannot start
{"level":"error","msg":"boom"}
{"severity":"CRITICAL","message":"disk"}
level=error msg="cannot connect"
ts=2026 level=fatal msg="exit"
E0102 12:34:56.789012       1 reflector.go:138] cannot list
<3>kernel: I/O error, dev sda, sector 5
systemd[1]: x.service: Failed with result 'exit-code'.
Process completed with exit code 1.
Command exited with non-zero status 2
##[error]Process completed
::error file=app.js,line=1::Missing semicolon
Error: Process exited with code 3
Error response from daemon: pull access denied
ERROR 1045 (28000): Access denied for user 'root'@'localhost'
psql: FATAL:  password authentication failed
SEVERE: Servlet.service() threw exception
System.InvalidOperationException: Sequence contains no elements
Unhandled exception. System.Exception: x
Fatal error: Uncaught Error: Call to undefined function x()
terminate called after throwing an instance of 'std::runtime_error'
Assertion failed: x > 0, file a.c, line 3
==123==ERROR: AddressSanitizer: heap-use-after-free
✗ throws when closed
✖ 3 problems (3 errors, 0 warnings)
rsync error: some files could not be transferred (code 23)
curl: (6) Could not resolve host: x
ssh: connect to host x port 22: Connection refused
error_count=3
3 errors
errors: 2, warnings: 0
failed=2 ok=3
""".strip("\n").split("\n")

HARMLESS = r"""
tests/test_x.py::test_names[Error: x] PASSED                      [ 10%]
[Error: x] PASSED
test_error_handling PASSED
tests/test_io.py::test_raises_OSError PASSED                      [ 20%]
test_failure_is_told (tests.T) ... ok
test errors::tests::fails_on_empty ... ok
ok 3 - throws an error
ok 4 handles failure
PASS src/error.test.ts
--- PASS: TestError (0.00s)
=== RUN   TestFailure
    ✓ throws an error when closed (3 ms)
  ✔ reports failures
not ok 5 - reads # TODO not written yet
not ok 6 - reads # SKIP no network
0 errors
0 errors, 0 failures
no errors found
no error
No error.
errors: 0
error_count=0
error_count: 0
errors=0 warnings=0
failed=0 ok=3
"errors": 0,
"error": null,
"error":"",
err=nil error=<nil>
Failures: 0, Errors: 0, Skipped: 0
Tests run: 3, Failures: 0, Errors: 0, Skipped: 0
Tests:       5 passed, 0 failed
3 passed, 0 failed, 0 errors
test result: ok. 3 passed; 0 failed; 0 ignored
found 0 vulnerabilities, without errors
finished with no failures
compiled error_handler.c
[ 34%] Building CXX object CMakeFiles/x.dir/error.cpp.o
   Compiling thiserror v1.0.5
   Compiling anyhow-error v0.1
Collecting exceptiongroup>=1.0
copying build/lib/exceptions.py
  Downloading failure-0.1.8.crate
adding: src/errors.go
writing logs/error.log
see error.log
/usr/lib/python3/dist-packages/errors/__init__.py
on_error=continue
--fail-fast
fail_fast: true
set -o errexit
failover enabled
fail2ban started
terror and mirrors
the standard error is 0.12
mean squared error: 0.0123
train_error=0.23 val_error=0.31
epoch 3 error 0.023
error rate 0.1%
margin of error 3%
exit code 0
Process finished with exit code 0
exited with code 0
exit status 0
1 xfailed, 3 passed
error handling enabled
exception handling is on
Registered exception handler
INFO retry policy: on error, wait 3s
stderr is a tty
killed 0
abort on first: off
DEBUG errno module loaded
plain text
Installing collected packages: errorhandler
""".strip("\n").split("\n")
