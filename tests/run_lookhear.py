"""`lookhear` in a process of its own, also where torchvision does not fit torch: what torchrun starts in tests."""

import torchvision_on_cpu

if __name__ == "__main__":
    torchvision_on_cpu.make_importable()
    from lookhear.scripts.main import main

    main()
