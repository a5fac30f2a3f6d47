// SPDX-License-Identifier: Apache-2.0

internal import CLinux

/// A file as a block device (loop(4)), which ends with its last use: a mount of it, or this value.
package struct LoopDevice: ~Copyable {
    /// The device's file.
    package let path: String
    private let device: FileDescriptor

    /// Takes a free device and shows the file by it. The requests are LOOP_CTL_GET_FREE and
    /// LOOP_CONFIGURE with LO_FLAGS_AUTOCLEAR, Linux 5.8.
    ///
    /// - Parameters:
    ///   - file: the file's path.
    ///   - isReadOnly: whether nothing may be written to it.
    /// - Throws: ENOENT when this kernel has no such devices.
    package init(for file: String, isReadOnly: Bool) throws(SystemCallError) {
        let backing = try File.open(file, isReadOnly ? .readOnly : .readWrite)
        let control = try File.open("/dev/loop-control", .readWrite)
        let (controlNumber, backingNumber) = (control.number, backing.number)
        var attempts = 64
        while true {
            let index = try check("ioctl LOOP_CTL_GET_FREE", "/dev/loop-control") {
                clinux_ioctl(controlNumber, UInt(LOOP_CTL_GET_FREE), nil)
            }
            let path = "/dev/loop\(index)"
            let device = try File.open(path, isReadOnly ? .readOnly : .readWrite)
            let number = device.number
            var config = loop_config()
            config.fd = UInt32(bitPattern: backingNumber)
            config.info.lo_flags = UInt32(
                LO_FLAGS_AUTOCLEAR | (isReadOnly ? LO_FLAGS_READ_ONLY : 0))
            do throws(SystemCallError) {
                _ = try check("ioctl LOOP_CONFIGURE", path) {
                    unsafe clinux_ioctl(number, UInt(LOOP_CONFIGURE), &config)
                }
            } catch where error.errno == .busy && attempts > 0 {
                // Somebody else was faster.
                attempts -= 1
                continue
            }
            self.path = path
            self.device = device
            return
        }
    }
}
